-- Step 2 of the schema: who told that an account reached a level of its limit; and entries that stand for ever.

CREATE TABLE {s}.marks (
  budget text NOT NULL, key text NOT NULL, window_id text NOT NULL, level_ppm bigint NOT NULL, by_whom text NOT NULL,
  at_us bigint NOT NULL DEFAULT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint,
  PRIMARY KEY (budget, window_id, key, level_ppm));

CREATE FUNCTION {s}.stand() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'an entry of the books is never changed or deleted';
END $$;
CREATE TRIGGER entries_stand BEFORE UPDATE OR DELETE OR TRUNCATE ON {s}.entries
  FOR EACH STATEMENT EXECUTE FUNCTION {s}.stand();
