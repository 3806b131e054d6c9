-- What workers go by: docs/decisions/0030-workers-look-for-news.md. A namespace has news when turns or lessons
-- came in since a worker looked; what was there before nobody has looked at.

ALTER TABLE helamem.namespace
    ADD COLUMN news boolean NOT NULL DEFAULT true,
    ADD COLUMN forgot_at double precision; -- when a worker last removed what may be forgotten
CREATE INDEX namespace_news ON helamem.namespace (namespace) WHERE news;
