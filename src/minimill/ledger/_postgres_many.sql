-- What most calls do, for many at once: rows are read, changed and written by a few statements, not by a few for each.
-- An operation is plain if its outcome does not depend on the order among its neighbours. What is not plain is left to
-- the loop of `book` (_postgres_rules.sql), which says what all of this means.

-- Several changes of what providers owe. `changes`: by how much, by name.
CREATE OR REPLACE FUNCTION {s}.owe_all(owed jsonb, changes jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
  SELECT owed - array_agg(name) || coalesce(jsonb_object_agg(name, nanos) FILTER (WHERE nanos > 0), '{}')
  FROM (SELECT name, coalesce((owed ->> name)::bigint, 0) + by::bigint AS nanos
        FROM jsonb_each_text(changes) AS c(name, by)) n
$$;

-- Neighbouring settlements. Plain ones close an attempt in flight that nobody corrected, and name what each of its
-- accounts is charged, while its vendor owes these accounts nothing from a silence. Returns a reply for each; NULL: it
-- is not plain.
CREATE OR REPLACE FUNCTION {s}.settle_many(p_ops jsonb, p_from int, p_to int, p_now bigint) RETURNS jsonb[]
LANGUAGE plpgsql AS $$
DECLARE
  c_most CONSTANT bigint := 9223372036854775807;
  v_replies jsonb[];
  v_heard jsonb;
BEGIN
  WITH tried AS MATERIALIZED (
    SELECT o.*, t.provider, t.reserved_us, l.lines, l.claimed,
      t.state = 'open' AND coalesce(l.plain, true) AND count(*) OVER (PARTITION BY o.id) = 1 AS plain
    FROM ROWS FROM (jsonb_to_recordset(p_ops) AS (
        id text, amounts jsonb, record text, currency text, started bigint))
        WITH ORDINALITY AS o(id, amounts, record, currency, started, at)
      LEFT JOIN {s}.attempts t ON t.id = o.id
      LEFT JOIN LATERAL (
        SELECT jsonb_agg(jsonb_build_array(a.id, line -> 1, line -> 2, (o.amounts ->> a.budget)::bigint)
            ORDER BY place) AS lines,
          jsonb_agg(a.budget ORDER BY place) AS claimed,
          bool_and(line ->> 3 = '0' AND line ->> 4 = '0' AND {s}.doubt_of(a.owed, t.provider) = 0 AND coalesce(
            (o.amounts ->> a.budget)::bigint <= (c_most - greatest(0, a.settled)) / (p_to - p_from + 1), false)
          ) AS plain
        FROM jsonb_array_elements(t.lines) WITH ORDINALITY AS n(line, place)
          JOIN {s}.accounts a ON a.id = (line ->> 0)::bigint) l ON true
    WHERE o.at BETWEEN p_from AND p_to
  ), moves AS MATERIALIZED (
    SELECT at, place, t.id, provider, (line ->> 0)::bigint AS account, (line ->> 2)::bigint AS held,
      (line ->> 3)::bigint AS amount
    FROM tried t, jsonb_array_elements(t.lines) WITH ORDINALITY AS n(line, place)
    WHERE t.plain AND (line ->> 2 <> '0' OR line ->> 3 <> '0')
  ), summed AS (
    UPDATE {s}.accounts a SET
      held = a.held - n.held, settled = a.settled + n.amount, owed = {s}.owe_all(a.owed, n.owed)
    FROM (
      SELECT account, sum(held)::bigint AS held, sum(amount)::bigint AS amount, jsonb_object_agg(provider, -held) AS owed
      FROM (SELECT account, provider, sum(held)::bigint AS held, sum(amount)::bigint AS amount
            FROM moves GROUP BY account, provider) m
      GROUP BY account) n
    WHERE a.id = n.account
  ), entered AS (
    INSERT INTO {s}.entries (at_us, attempt, account, kind, held, settled, unpriced)
    SELECT p_now, id, account, 'settle', -held, amount, 0 FROM moves ORDER BY at, place
  ), closed AS (
    UPDATE {s}.attempts t SET
      state = 'settled', record = n.record, currency = n.currency, started_us = n.started,
      lines = coalesce((
        SELECT jsonb_agg(jsonb_build_array(line -> 0, line -> 1, 0, line -> 3, 0) ORDER BY place)
        FROM jsonb_array_elements(n.lines) WITH ORDINALITY AS l(line, place)), '[]')
    FROM tried n WHERE n.plain AND t.id = n.id
  )
  SELECT
    array_agg(CASE WHEN plain THEN
      jsonb_build_object('claimed', coalesce(claimed, '[]'), 'bad', '[]'::jsonb, 'unknown', false) END ORDER BY at),
    (SELECT jsonb_object_agg(provider, reserved) FROM (
      SELECT provider, max(reserved_us) AS reserved FROM tried WHERE plain AND provider IS NOT NULL
      GROUP BY provider) n)
  INTO v_replies, v_heard FROM tried;
  PERFORM {s}.trust(key, value::bigint, '[]', p_now)
  FROM jsonb_each_text(v_heard) LEFT JOIN {s}.providers p ON p.name = key
  WHERE {s}.is_fresh(p, p_now) IS NOT TRUE ORDER BY key;
  RETURN v_replies;
END $$;

-- Neighbouring reservations. Plain ones are new, and want a known amount of accounts that have room for all that is
-- asked of them here, for which nobody of another process waits. Returns a reply for each (NULL: it is not plain), and
-- the accounts that are held in.
CREATE OR REPLACE FUNCTION {s}.reserve_many(
  p_process text, p_ops jsonb, p_from int, p_to int, p_now bigint, OUT replies jsonb[], OUT used bigint[])
LANGUAGE plpgsql AS $$
DECLARE
  c_most CONSTANT bigint := 9223372036854775807;
  v_known text[] := ARRAY(SELECT t.id FROM {s}.attempts t WHERE t.id = ANY (ARRAY(
    SELECT id FROM jsonb_to_recordset(p_ops) AS o(id text))));
  v_others boolean;
  v_own boolean;
  v_plain int;
  v_made int;
BEGIN
  SELECT coalesce(bool_or(process <> p_process), false), coalesce(bool_or(process = p_process), false)
  INTO v_others, v_own FROM {s}.waiting;
  WITH claims AS (
    SELECT o.*, place, b.name AS budget, b.limit_nanos, b.hard, claim ->> 1 AS key, (claim ->> 2)::bigint AS amount,
      CASE WHEN b.hard AND b.share_ppm < 1000000 THEN div(b.limit_nanos::numeric * b.share_ppm, 1000000) END AS share,
      a.id AS account, a.window_id, a.settled, a.held, a.kept, a.unpriced,
      coalesce((a.owed ->> o.provider)::bigint, 0) + {s}.doubt_of(a.owed, o.provider) AS owed
    FROM ROWS FROM (jsonb_to_recordset(p_ops) AS (
        id text, provider text, call text, meta text, lasts bigint, claims jsonb))
        WITH ORDINALITY AS o(id, provider, call, meta, lasts, claims, at)
      LEFT JOIN LATERAL jsonb_array_elements(o.claims) WITH ORDINALITY AS c(claim, place) ON true
      LEFT JOIN {s}.budgets b ON b.name = claim ->> 0
      LEFT JOIN {s}.accounts a ON a.budget = b.name AND a.key = claim ->> 1 AND a.window_id = (
        SELECT w ->> 0 FROM jsonb_array_elements(claim -> 3) AS p(w)
        WHERE (w ->> 1)::bigint <= p_now AND p_now < (w ->> 2)::bigint LIMIT 1)
    WHERE o.at BETWEEN p_from AND p_to
  ), asked AS (
    SELECT *,
      sum(amount) OVER (PARTITION BY account) AS all_amounts,
      sum(amount) OVER (PARTITION BY account, provider) AS same_amounts,
      max(amount) OVER (PARTITION BY account, provider) AS most,
      min(at) OVER (PARTITION BY id) < max(at) OVER (PARTITION BY id) AS twice
    FROM claims
  ), tried AS (
    SELECT *,
      bool_and(NOT twice AND NOT id = ANY (v_known) AND (place IS NULL OR coalesce(
        settled::numeric + held + all_amounts <= CASE WHEN hard THEN limit_nanos ELSE c_most END
        AND amount IS NOT NULL
        AND (share IS NULL OR owed + same_amounts <= share - greatest(div(share, 4), most))
        AND NOT (v_others AND EXISTS (
          SELECT 1 FROM {s}.waiting w WHERE w.budget = asked.budget AND w.key = asked.key AND w.process <> p_process)),
        false))) OVER (PARTITION BY at) AS plain
    FROM asked
  ), moves AS MATERIALIZED (
    SELECT at, place, id, provider, call, meta, lasts, account, amount,
      jsonb_build_array(account, amount, amount, 0, 0) AS line,
      jsonb_build_array(budget, key, window_id, limit_nanos::text, settled::text,
        (held + sum(amount) OVER (PARTITION BY account ORDER BY at))::text, kept::text, unpriced::text, hard) AS balance
    FROM tried WHERE plain
  ), granted AS MATERIALIZED (
    SELECT at, id, provider, call, meta, lasts,
      coalesce(jsonb_agg(line ORDER BY place) FILTER (WHERE place IS NOT NULL), '[]') AS lines,
      coalesce(jsonb_agg(balance ORDER BY place) FILTER (WHERE place IS NOT NULL), '[]') AS balances
    FROM moves GROUP BY at, id, provider, call, meta, lasts
  ), summed AS (
    UPDATE {s}.accounts a SET held = a.held + n.held, owed = {s}.owe_all(a.owed, n.owed)
    FROM (
      SELECT account, sum(held)::bigint AS held, jsonb_object_agg(provider, held) AS owed
      FROM (SELECT account, provider, sum(amount)::bigint AS held FROM moves WHERE amount <> 0
            GROUP BY account, provider) m
      GROUP BY account) n
    WHERE a.id = n.account
  ), made AS (
    INSERT INTO {s}.attempts (id, state, provider, call_id, process, reserved_us, expires_us, started_us, meta, lines)
    SELECT id, 'open', provider, call, p_process, p_now, p_now + lasts, p_now, meta, lines FROM granted ORDER BY at
    ON CONFLICT DO NOTHING RETURNING 1
  ), entered AS (
    INSERT INTO {s}.entries (at_us, attempt, account, kind, held, settled, unpriced)
    SELECT p_now, id, account, 'hold', amount, 0, 0 FROM moves WHERE amount <> 0 ORDER BY at, place
  )
  SELECT array_agg(reply ORDER BY n.at), count(reply), (SELECT count(*) FROM made),
    ARRAY(SELECT DISTINCT account FROM moves WHERE account IS NOT NULL)
  INTO replies, v_plain, v_made, used
  FROM (
    SELECT at, max(reply::text)::jsonb AS reply FROM (
      SELECT at, NULL::jsonb AS reply FROM generate_series(p_from, p_to) AS g(at)
      UNION ALL
      SELECT at, jsonb_build_object('r', 'held', 'at', p_now::text, 'b', balances) FROM granted) one
    GROUP BY at) n;
  IF v_made < v_plain THEN
    RAISE EXCEPTION 'an attempt came twice at once' USING ERRCODE = '40001';
  END IF;
  IF v_plain > 0 AND v_own THEN
    DELETE FROM {s}.waiting w USING
      ROWS FROM (jsonb_to_recordset(p_ops) AS (provider text, came bigint, claims jsonb))
        WITH ORDINALITY AS o(provider, came, claims, at),
      LATERAL jsonb_array_elements(o.claims) AS c(claim)
    WHERE o.at BETWEEN p_from AND p_to AND replies[o.at - p_from + 1] IS NOT NULL
      AND w.process = p_process AND w.since_us = o.came AND w.provider IN ('', o.provider)
      AND w.budget = claim ->> 0 AND w.key = claim ->> 1;
  END IF;
END $$;
