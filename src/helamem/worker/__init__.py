"""Background work for all namespaces of a database, in processes of its own.

`queue` holds the jobs, by procrastinate; `jobs` says what they do; `worker` looks for news and works off the queue.
"""
