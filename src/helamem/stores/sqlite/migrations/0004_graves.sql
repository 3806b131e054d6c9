-- What is removed is emptied, not deleted: to delete rows makes SQLite move others, and copies of these stay
-- behind. The emptied rows belong to this namespace until there are many, and the file is written anew.
INSERT INTO namespace (id, name) VALUES (0, char(31) || 'dropped 0');

-- Older versions deleted rows, so that copies may lie in the file.
INSERT OR IGNORE INTO meta SELECT 'moved', '1' FROM meta WHERE key = 'embedder';
