-- What makes two turns the same: docs/decisions/0015-what-makes-two-turns-the-same.md.

ALTER TABLE node ADD COLUMN utc_offset INTEGER; -- seconds east of UTC, where a turn's time said so

UPDATE node SET at = round(at, 6), stored_at = round(stored_at, 6);

UPDATE node SET key = turn_key(
    (SELECT name FROM session WHERE session.id = node.session), role, speaker, text, at
) WHERE kind = 0 AND json_extract(metadata, '$."helamem.key"') IS NULL;
