-- Step 1 of the schema: tables, and functions that change one thing in them; the rules follow in _postgres_rules.sql.
-- {s} is the ledger's schema, quoted.

CREATE TABLE {s}.meta (name text PRIMARY KEY, value bigint NOT NULL);
INSERT INTO {s}.meta VALUES ('budgets_version', 1);
CREATE TABLE {s}.budgets (
  id integer NOT NULL, name text PRIMARY KEY, currency text NOT NULL, kind text NOT NULL, zone text NOT NULL,
  scope text NOT NULL, by_key text, limit_nanos bigint NOT NULL, hard boolean NOT NULL, share_ppm integer NOT NULL,
  seen text NOT NULL);
CREATE TABLE {s}.accounts (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, budget text NOT NULL, key text NOT NULL,
  window_id text NOT NULL, settled bigint NOT NULL DEFAULT 0, held bigint NOT NULL DEFAULT 0,
  kept bigint NOT NULL DEFAULT 0, unpriced bigint NOT NULL DEFAULT 0, owed jsonb NOT NULL DEFAULT '{}',
  UNIQUE (budget, window_id, key)) WITH (fillfactor = 50);
CREATE TABLE {s}.providers (
  name text PRIMARY KEY, answered_us bigint NOT NULL DEFAULT 0, silent_us bigint NOT NULL DEFAULT 0,
  doubted_us bigint NOT NULL DEFAULT 0, probes integer NOT NULL DEFAULT 0) WITH (fillfactor = 50);
CREATE TABLE {s}.processes (id text PRIMARY KEY, seen_us bigint NOT NULL) WITH (fillfactor = 50);
CREATE TABLE {s}.waiting (
  process text NOT NULL, budget text NOT NULL, key text NOT NULL, provider text NOT NULL, since_us bigint NOT NULL,
  needed bigint NOT NULL, seen_us bigint NOT NULL, PRIMARY KEY (budget, key, provider, process))
  WITH (fillfactor = 50);
CREATE TABLE {s}.attempts (
  id text PRIMARY KEY, state text NOT NULL, provider text, call_id text, process text, reserved_us bigint NOT NULL,
  expires_us bigint NOT NULL, started_us bigint NOT NULL, meta text, lines jsonb NOT NULL, record text,
  currency text, charged text);
CREATE INDEX attempts_started ON {s}.attempts (started_us);
CREATE INDEX attempts_call ON {s}.attempts (call_id);
CREATE INDEX attempts_open ON {s}.attempts (reserved_us) WHERE state IN ('open', 'kept', 'doubted');
CREATE INDEX attempts_expiry ON {s}.attempts (expires_us) WHERE state = 'open';
CREATE INDEX attempts_process ON {s}.attempts (process) WHERE state = 'open';
CREATE TABLE {s}.entries (
  seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at_us bigint NOT NULL, attempt text NOT NULL,
  account bigint NOT NULL, kind text NOT NULL, held bigint NOT NULL, settled bigint NOT NULL,
  unpriced bigint NOT NULL, reason text);

-- What a provider owes, changed by so much; what is 0 is not there. Answers may have taken off already what a late
-- settlement takes off now: then it is 0.
CREATE FUNCTION {s}.owe(owed jsonb, name text, nanos bigint) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN coalesce((owed ->> name)::bigint, 0) + nanos <= 0 THEN owed - name
         ELSE owed || jsonb_build_object(name, coalesce((owed ->> name)::bigint, 0) + nanos) END
$$;

-- What was let down and is not forgiven, and the three things that change it: as `Owed` of _accounts.py says.
CREATE FUNCTION {s}.doubt_of(owed jsonb, name text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
  SELECT coalesce((owed ->> (name || '?'))::bigint, 0) + coalesce((owed ->> (name || '!'))::bigint, 0)
$$;
CREATE FUNCTION {s}.parted(owed jsonb, name text) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT CASE WHEN {s}.doubt_of(owed, name) = 0 THEN owed - (name || '@') ELSE owed END
$$;
CREATE FUNCTION {s}.let_down(owed jsonb, name text, nanos bigint, begun bigint) RETURNS jsonb
LANGUAGE sql IMMUTABLE AS $$
  SELECT {s}.owe(
    owed, name || CASE WHEN begun < coalesce((owed ->> (name || '@'))::bigint, 0) THEN '?' ELSE '!' END, nanos)
$$;
CREATE FUNCTION {s}.forgive(owed jsonb, name text, nanos bigint, begun bigint, p_now bigint) RETURNS jsonb
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF begun < coalesce((owed ->> (name || '@'))::bigint, 0) OR {s}.doubt_of(owed, name) = 0 THEN
    RETURN owed;
  END IF;
  owed := {s}.owe(owed, name || '?', -nanos);
  IF NOT owed ? (name || '?') AND owed ? (name || '!') THEN
    owed := (owed - (name || '!')) || jsonb_build_object(name || '?', owed -> (name || '!'), name || '@', p_now);
  END IF;
  RETURN {s}.parted(owed, name);
END $$;
CREATE FUNCTION {s}.clear(owed jsonb, name text, nanos bigint) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT {s}.parted({s}.owe({s}.owe(owed, name || '?', -nanos), name || '!',
    -greatest(0, nanos - coalesce((owed ->> (name || '?'))::bigint, 0))), name)
$$;

-- One entry, and the sums that it changes.
CREATE FUNCTION {s}.move(
  p_attempt text, p_provider text, p_state text, p_account bigint, p_kind text, p_held bigint, p_settled bigint,
  p_unpriced bigint, p_now bigint, p_reason text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF p_held = 0 AND p_settled = 0 AND p_unpriced = 0 THEN
    RETURN;
  END IF;
  UPDATE {s}.accounts SET
    held = held + p_held, settled = settled + p_settled, unpriced = unpriced + p_unpriced,
    kept = CASE WHEN p_state = 'open' THEN kept ELSE kept + p_held END,
    owed = CASE WHEN p_held = 0 OR p_provider IS NULL THEN owed
           WHEN p_state = 'open' THEN {s}.owe(owed, p_provider, p_held)
           WHEN p_state = 'doubted' THEN {s}.clear(owed, p_provider, -p_held)
           ELSE owed END
  WHERE id = p_account;
  INSERT INTO {s}.entries (at_us, attempt, account, kind, held, settled, unpriced, reason)
  VALUES (p_now, p_attempt, p_account, p_kind, p_held, p_settled, p_unpriced, p_reason);
END $$;

-- What an attempt holds is no longer in flight: it is unconfirmed.
CREATE FUNCTION {s}.land(p_provider text, p_lines jsonb, p_doubted boolean, p_reserved bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  v_line jsonb;
BEGIN
  FOR v_line IN SELECT value FROM jsonb_array_elements(p_lines) LOOP
    IF (v_line ->> 2)::bigint <> 0 THEN
      UPDATE {s}.accounts SET
        kept = kept + (v_line ->> 2)::bigint,
        owed = CASE WHEN p_provider IS NULL THEN owed
               WHEN p_doubted THEN {s}.let_down({s}.owe(owed, p_provider, -(v_line ->> 2)::bigint), p_provider,
                                                (v_line ->> 2)::bigint, p_reserved)
               ELSE {s}.owe(owed, p_provider, -(v_line ->> 2)::bigint) END
      WHERE id = (v_line ->> 0)::bigint;
    END IF;
  END LOOP;
END $$;

-- Whether a vendor answered after it was last doubted.
CREATE FUNCTION {s}.is_well(p {s}.providers) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT p.answered_us > 0 AND p.answered_us >= p.doubted_us
$$;

-- Whether it is time to find out if a vendor answers again: a minute after its last silence, twice as long after each
-- probe that found it silent, up to an hour; at once (-1 probes) after a process was lost.
CREATE FUNCTION {s}.is_due(p {s}.providers, p_now bigint) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT p.probes = -1 OR p.doubted_us > 0 AND p_now - p.doubted_us >= least(60000000::bigint << least(greatest(p.probes, 0), 20), 3600000000)
$$;

-- Whether an answer now need not be written: it follows another too soon to tell anybody anything.
CREATE FUNCTION {s}.is_fresh(p {s}.providers, p_now bigint) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
  SELECT {s}.is_well(p) AND p.probes = 0 AND p_now - p.answered_us >= 0 AND p_now - p.answered_us < 1000000
$$;

-- What is known of a vendor.
CREATE FUNCTION {s}.provider(p_name text) RETURNS {s}.providers LANGUAGE plpgsql AS $$
DECLARE
  v_found {s}.providers%ROWTYPE;
BEGIN
  SELECT * INTO v_found FROM {s}.providers WHERE name = p_name;
  IF NOT FOUND THEN
    v_found := ROW(p_name, 0, 0, 0, 0);
  END IF;
  RETURN v_found;
END $$;

-- A whole answer: the vendor is doubted less, and is well if it was asked for after the last silence.
CREATE FUNCTION {s}.trust(p_name text, p_reserved bigint, p_lines jsonb, p_now bigint) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
  v_vendor {s}.providers%ROWTYPE := {s}.provider(p_name);
  v_line jsonb;
BEGIN
  FOR v_line IN SELECT value FROM jsonb_array_elements(p_lines) LOOP
    UPDATE {s}.accounts SET
      owed = {s}.forgive(owed, p_name, coalesce((v_line ->> 1)::bigint, 0), p_reserved, p_now)
    WHERE id = (v_line ->> 0)::bigint AND {s}.doubt_of(owed, p_name) > 0;
  END LOOP;
  IF p_reserved >= v_vendor.silent_us AND NOT {s}.is_fresh(v_vendor, p_now) THEN
    INSERT INTO {s}.providers AS p (name, answered_us) VALUES (p_name, p_now)
    ON CONFLICT (name) DO UPDATE SET answered_us = excluded.answered_us, probes = 0
      WHERE p.silent_us <= p_reserved;
  END IF;
END $$;

-- An attempt came to nothing.
CREATE FUNCTION {s}.doubt(p_name text, p_silent boolean, p_now bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO {s}.providers AS p (name, silent_us, doubted_us)
  VALUES (p_name, CASE WHEN p_silent THEN p_now ELSE 0 END, p_now)
  ON CONFLICT (name) DO UPDATE SET doubted_us = excluded.doubted_us,
    silent_us = CASE WHEN p_silent THEN p_now ELSE p.silent_us END, answered_us = least(p.answered_us, p_now - 1);
END $$;

-- A hold that nobody is going to close is no longer in flight. Who was killed may have been killed for waiting in vain:
-- a vendor that has not answered since is doubted for it, and one call may find out at once.
CREATE FUNCTION {s}.give_up(p_attempt {s}.attempts) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  v_vendor {s}.providers%ROWTYPE := {s}.provider(p_attempt.provider);
  v_doubted boolean := p_attempt.provider IS NOT NULL AND v_vendor.answered_us < p_attempt.reserved_us;
BEGIN
  PERFORM {s}.land(p_attempt.provider, p_attempt.lines, v_doubted, p_attempt.reserved_us);
  UPDATE {s}.attempts SET state = CASE WHEN v_doubted THEN 'doubted' ELSE 'kept' END WHERE id = p_attempt.id;
  IF v_doubted THEN
    INSERT INTO {s}.providers AS p (name, doubted_us, probes) VALUES (p_attempt.provider, 1, -1)
    ON CONFLICT (name) DO UPDATE SET doubted_us = greatest(p.doubted_us, p.answered_us + 1),
      probes = CASE WHEN p.silent_us < p_attempt.reserved_us THEN -1 ELSE p.probes END;
  END IF;
END $$;

-- What a caller of another process wants that has waited longest in this place; 0: nobody longer. The place is a
-- budget, a key, and the provider whose share is waited for; '' where it is money.
CREATE FUNCTION {s}.promised(p_process text, p_budget text, p_key text, p_provider text, p_came bigint, p_now bigint)
RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT coalesce((SELECT needed FROM {s}.waiting
    WHERE budget = p_budget AND key = p_key AND provider = p_provider AND process <> p_process
      AND since_us < p_came AND seen_us > p_now - 3000000 ORDER BY since_us LIMIT 1), 0)
$$;

-- The answer to a reservation: when it was made, and the balances of its accounts.
CREATE FUNCTION {s}.held(p_at bigint, p_lines jsonb) RETURNS jsonb LANGUAGE sql AS $$
  SELECT jsonb_build_object('r', 'held', 'at', p_at::text, 'b', coalesce(jsonb_agg(jsonb_build_array(
    a.budget, a.key, a.window_id, b.limit_nanos::text, a.settled::text, a.held::text, a.kept::text, a.unpriced::text,
    b.hard) ORDER BY n.place), '[]'))
  FROM jsonb_array_elements(p_lines) WITH ORDINALITY AS n(line, place)
  JOIN {s}.accounts a ON a.id = (n.line ->> 0)::bigint JOIN {s}.budgets b ON b.name = a.budget
$$;
