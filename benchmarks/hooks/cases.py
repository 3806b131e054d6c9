"""A made-up project: what was said to a coding agent in sixteen sessions, and prompts of a later one."""

from __future__ import annotations

from typing import NamedTuple

# Each session is a list of exchanges: a prompt and its reply.
SESSIONS: tuple[tuple[tuple[str, str], ...], ...] = (
    (
        (
            "Set up the repository for Lantern, our booking service for climbing gyms.",
            "I created a pyproject with FastAPI, SQLAlchemy and Alembic, and a Makefile with `make dev`, `make test` and `make seed`.",
        ),
        (
            "We deploy from the branch harbor, never from main. Remember that.",
            "Understood: releases are cut from harbor, and main only collects reviewed work.",
        ),
        (
            "Use tabs in the Makefile only, four spaces everywhere else, and lines of 100 characters.",
            "I set ruff's line length to 100 and added an .editorconfig.",
        ),
    ),
    (
        (
            "The tests fail with `OperationalError: too many clients already`.",
            "Every test opened an engine of its own. One engine for the session with a NullPool fixes it; pytest now takes 41 seconds.",
        ),
        (
            "Why does staging refuse connections on 5432?",
            "Staging runs Postgres behind pgbouncer, which listens on port 6543. Use DATABASE_URL from the vault, path lantern/staging.",
        ),
        (
            "Can prepared statements stay on with pgbouncer?",
            "Not in transaction mode. I set `prepared_statement_cache_size=0` in the asyncpg arguments.",
        ),
    ),
    (
        (
            "Add an endpoint that lists free slots of a wall.",
            "GET /walls/{id}/slots returns free slots by quarter of an hour; slots that start in the past are left out.",
        ),
        (
            "Slots are wrong around the change to summer time.",
            "Times were compared as naive local times. They are stored as UTC now and turned into Europe/Vienna only in the response.",
        ),
        (
            "Which library do we use for recurring slots?",
            "dateutil's rrule. We rejected APScheduler, because slots are computed on reading and need no process that runs.",
        ),
    ),
    (
        (
            "Payments: Stripe or Mollie?",
            "You chose Mollie, because gyms in Austria want EPS transfers and Mollie's fee for them is flat.",
        ),
        (
            "The Mollie webhook is called twice sometimes.",
            "I made it idempotent: the payment id is inserted with ON CONFLICT DO NOTHING, and only the first insert books the slot.",
        ),
        (
            "Where is the Mollie key kept?",
            "In the vault under lantern/payments; locally in .env.payments, which git ignores.",
        ),
    ),
    (
        (
            "The frontend build takes four minutes.",
            "Most of it was the type checker inside the bundler. It runs beside the build now, and vite needs 38 seconds.",
        ),
        (
            "Do not add another state library; we have zustand.",
            "Noted: no redux and no jotai, state lives in zustand stores under web/src/stores.",
        ),
        (
            "The calendar flickers on Safari.",
            "Safari repaints on `backdrop-filter`. I replaced the blur by a flat colour, and the flicker is gone.",
        ),
    ),
    (
        (
            "Users complain that the confirmation mail lands in spam.",
            "The sending domain had no DKIM record. After adding it and aligning SPF, mail-tester gives 9.4 of 10.",
        ),
        (
            "Which service sends our mail?",
            "Postmark, through the stream called `transactional`; newsletters go through another one called `broadcast`.",
        ),
        (
            "Mails must be bilingual, German first.",
            "Templates are in mail/de and mail/en; the German part comes first and the English one below a line.",
        ),
    ),
    (
        (
            "Nora is our designer; ask her before changing colours.",
            "I will leave the palette alone and suggest changes to Nora instead.",
        ),
        (
            "The contrast of the secondary button is too low.",
            "Nora agreed to #2f5d50 on white, which has a ratio of 7.1; the token is `--moss-600`.",
        ),
        (
            "Make dark mode follow the system.",
            "It uses `prefers-color-scheme`, and a switch in the profile overrides it.",
        ),
    ),
    (
        (
            "Redis in production ran out of memory last night.",
            "Sessions had no expiry. They expire after 14 days now, and maxmemory-policy is volatile-lru.",
        ),
        (
            "What else is in Redis?",
            "Only sessions and the rate limiter; the search cache moved to Postgres in March.",
        ),
        (
            "Alert us before that happens again.",
            "Grafana alerts at 80 % of memory, to the channel #lantern-ops.",
        ),
    ),
    (
        (
            "Write a migration that splits full_name into given_name and family_name.",
            "Revision 4b7e does it in batches of 5,000 rows, and keeps full_name until the next release.",
        ),
        (
            "The migration locked the table for minutes on staging.",
            "The NOT NULL constraint scanned the whole table. I add it as NOT VALID first and validate it afterwards.",
        ),
        (
            "From now on every migration needs a downgrade.",
            "I will write a downgrade for each revision, and the pipeline runs upgrade, downgrade, upgrade.",
        ),
    ),
    (
        (
            "Import the members of the gym Kletterhalle Wien from their CSV.",
            "It is in Windows-1252 with semicolons. scripts/import_members.py reads it; 1,204 of 1,211 rows came in.",
        ),
        (
            "What about the other seven?",
            "Seven rows have no birthday, which the waiver for minors needs. They are in import-rejected.csv.",
        ),
        (
            "Kletterhalle pays per visit, the others per month.",
            "The tariff is `per_visit` for that tenant; invoices for it are made on the first of the month.",
        ),
    ),
    (
        (
            "Search for routes is slow when somebody types.",
            "I debounced it to 250 ms, and a trigram index brings the query from 900 ms to 12.",
        ),
        (
            "Route grades: French or UIAA?",
            "Stored as French grades, shown as the gym's own setting says; the table of conversion is in grades.toml.",
        ),
        (
            "Setters want to retire a route without losing its ratings.",
            "Routes have `retired_at` now; ratings stay and count in the setter's statistics.",
        ),
    ),
    (
        (
            "CI is red since this morning and nobody changed anything.",
            "The runner image moved to Node 24, which drops OpenSSL 1.1. I pinned the image to ubuntu-24.04-20261101.",
        ),
        (
            "Cache the wheels.",
            "The key is the hash of uv.lock; the job went from 6:10 to 2:30.",
        ),
        (
            "Flaky test test_waitlist_order again.",
            "Two bookings had the same timestamp. The waitlist sorts by (created_at, id) now.",
        ),
    ),
    (
        (
            "Legal says that we must delete waivers after seven years.",
            "A job at 03:40 deletes waivers whose climber has not visited for seven years; it logs only counts.",
        ),
        (
            "Are there backups of the waivers?",
            "Yes, nightly to Hetzner storage in Falkenstein, encrypted with age, kept for 35 days.",
        ),
        (
            "How do I restore one?",
            "`make restore DATE=2026-05-01` loads it into a scratch database; I tried it, and it took nine minutes.",
        ),
    ),
    (
        (
            "The Android app crashes when the camera permission is refused.",
            "The scanner awaited a stream that never opened. It now shows the form for typing the code by hand.",
        ),
        (
            "What is the minimum Android version?",
            "Android 10, API level 29, because of the scanner's dependency on CameraX 1.5.",
        ),
        (
            "Beta testers get builds on Thursdays.",
            "The workflow `beta.yml` runs on Thursdays at 14:00 and uploads to the track `internal`.",
        ),
    ),
    (
        (
            "Load test: how many check-ins a minute do we manage?",
            "About 1,900 with two workers; the turnstile's lock was the bottleneck, and is per gym now.",
        ),
        (
            "The turnstiles in Graz speak another protocol.",
            "They speak Modbus over TCP; the adapter is in turnstile/modbus.py, and register 40017 opens the gate.",
        ),
        (
            "Is there a simulator for them?",
            "`make turnstile-sim` starts one on port 5020.",
        ),
    ),
    (
        (
            "Translate the error messages.",
            "They are in locales/*.ftl with Fluent; keys start with `error-`.",
        ),
        (
            "Felix reviews backend changes, Ada reviews the frontend.",
            "CODEOWNERS names them so: Felix for src/, Ada for web/.",
        ),
        (
            "Postpone the loyalty cards to the second quarter.",
            "I moved the loyalty cards to milestone Q2 and closed the draft.",
        ),
    ),
)


class Asked(NamedTuple):
    """A prompt of a later session, and words of each memory that it is about; none if of none."""

    prompt: str
    about: tuple[str, ...] = ()


CONCERNED = (
    Asked("Which port do I use to reach the staging database?", ("port 6543",)),
    Asked("Cut a release, please.", ("deploy from the branch harbor", "releases are cut from")),
    Asked("Tests die with too many clients already, any idea?", ("NullPool",)),
    Asked("asyncpg complains about a prepared statement that does not exist", ("pgbouncer",)),
    Asked("Slots on the night when the clocks change are shifted by an hour again.", ("UTC",)),
    Asked("I need a rule for slots that recur every second Tuesday.", ("rrule",)),
    Asked("Write the handler for the Mollie webhook in the new gym service.", ("idempotent",)),
    Asked("Where do I find the payment key for local work?", (".env.payments",)),
    Asked("Add a store for the selected wall to the frontend.", ("zustand",)),
    Asked(
        "The new modal blurs its background; check that it works in Safari.", ("backdrop-filter",)
    ),
    Asked("A gym says our booking mails are in their spam folder.", ("DKIM",)),
    Asked("Send the newsletter for May through Postmark.", ("broadcast",)),
    Asked("Write the mail for cancelled bookings.", ("German first", "mail/de")),
    Asked("Change the colour of the secondary button to blue.", ("Nora",)),
    Asked("How long do sessions live in Redis?", ("14 days",)),
    Asked("Add an alert for the Redis memory.", ("#lantern-ops", "80 %")),
    Asked("Write a migration that makes phone NOT NULL.", ("NOT VALID", "needs a downgrade")),
    Asked("Import another CSV of members, from a gym in Salzburg.", ("import_members.py",)),
    Asked("Make the invoices for Kletterhalle Wien.", ("per_visit",)),
    Asked("Show UIAA grades on the route page.", ("French grades",)),
    Asked("The route search box fires a request at every key.", ("debounced",)),
    Asked("CI fails with an OpenSSL error since the runner was updated.", ("ubuntu-24.04",)),
    Asked("test_waitlist_order failed once more.", ("created_at, id",)),
    Asked("Restore the backup of the first of May.", ("make restore",)),
    Asked("Where do the backups of the waivers go?", ("Falkenstein",)),
    Asked("Can we raise the minimum Android version?", ("API level 29",)),
    Asked("When do beta testers get the next build?", ("Thursdays",)),
    Asked("Open the gate in Graz from the command line.", ("register 40017",)),
    Asked("Run the turnstile simulator.", ("5020",)),
    Asked("Who should review my change to web/src/stores?", ("Ada",)),
)

OTHERS = (
    Asked("hello"),
    Asked("Thanks, that works."),
    Asked("yes, go ahead"),
    Asked("Commit this with a good message."),
    Asked("Explain what a monad is in two sentences."),
    Asked("Rename the variable tmp to buffer in parser.c."),
    Asked("Why is my regex for postal codes greedy?"),
    Asked("Write a haiku about compilers."),
    Asked("What does `git rebase --onto` do?"),
    Asked("Sort this list of tuples by the second element."),
    Asked("Convert the README from RST to Markdown."),
    Asked("Add a docstring to the function above."),
    Asked("Is there a memory leak in this C++ class?"),
    Asked("Run the linter and fix what it finds."),
    Asked("Undo the last change."),
    Asked("Make the paragraph about installation shorter."),
    Asked("Write a Terraform module for an S3 bucket with versioning."),
    Asked("How do I centre a div with CSS grid?"),
    Asked("Translate this comment into French."),
    Asked("Add type hints to utils/geometry.py."),
    Asked("What is the difference between a process and a thread?"),
    Asked("Plot the loss curve of the last training run."),
    Asked("Upgrade Django from 4.2 to 5.2."),
    Asked("The Kafka consumer lags behind by two hours."),
    Asked("Generate a favicon from logo.svg."),
    Asked("Which licence should a small library have?"),
    Asked("Write a unit test for the Roman numeral converter."),
    Asked("Parse this timestamp: 2026-03-29T02:30:00"),
    Asked("Set up a pre-commit hook that refuses large files."),
    Asked("Why does the Docker build not use its cache?"),
)

# Of the same project, but nothing was said about them.
NEAR = (
    Asked("Add an endpoint that lists the gyms of a city."),
    Asked("Rename the table walls to sectors."),
    Asked("Write a test for the login form."),
    Asked("Why does mypy complain about models.py?"),
    Asked("Bump FastAPI to the newest version."),
    Asked("Add a footer with the imprint to every page."),
    Asked("Let climbers upload a photo of themselves."),
    Asked("Show the opening hours on the page of a gym."),
    Asked("Add pages to the list of bookings."),
    Asked("Sort the members by their names."),
    Asked("Generate a client for TypeScript from the OpenAPI description."),
    Asked("Add a button that cancels a booking."),
    Asked("The profile page answers with status 500."),
    Asked("Write a seed with three gyms and forty climbers."),
    Asked("Explain what the function slot_key does."),
    Asked("Make the logo in the header smaller."),
    Asked("Add a field for the phone number to the form."),
    Asked("Log the time that each request takes."),
    Asked("Which tables have no primary key?"),
    Asked("Write a page of documentation for new developers."),
)
