-- Every operation of the books, many in one call: the rules of _books.py. Rows are locked in one order (attempts by
-- id, new accounts by place, accounts by id, those providers by name that are going to change) before anything is
-- decided, so that no two calls wait for each other.
-- Neighbours of one kind are done together where it does not matter who comes first (_postgres_many.sql); the loop does
-- the rest. Its statements are planned once for each connection, perhaps while the tables are empty, so they are told
-- what will be right when they are not: to go by the indexes.
CREATE OR REPLACE FUNCTION {s}.book(p_process text, p_now bigint, p_ops jsonb) RETURNS jsonb LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off SET jit = off
SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  c_most CONSTANT numeric := 9223372036854775807;
  c_fresh CONSTANT bigint := 30000000;
  c_step CONSTANT bigint := 1000000;
  c_ticket CONSTANT bigint := 3000000;
  c_gone CONSTANT bigint := 8000000;
  c_forget CONSTANT bigint := 86400000000;
  v_now bigint := coalesce(p_now, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint);
  v_ids text[];
  v_lost text[] := '{}';
  v_fresh bigint[] := '{}';
  v_used bigint[] := '{}';
  v_replies jsonb[] := '{}';
  v_kinds text[];
  v_some jsonb[];
  v_more bigint[];
  v_to int := 0;
  v_names text[];
  v_floors jsonb := '{}';
  v_op jsonb;
  v_kind text;
  v_id text;
  v_reply jsonb;
  v_claim jsonb;
  v_line jsonb;
  v_lines jsonb;
  v_fine boolean;
  v_floor jsonb;
  v_window text;
  v_refused jsonb;
  v_silent jsonb;
  v_unprobed jsonb;
  v_provider text;
  v_amount bigint;
  v_total numeric;
  v_promised bigint;
  v_flight numeric;
  v_doubt numeric;
  v_share numeric;
  v_well boolean;
  v_due boolean;
  v_doubted boolean;
  v_place text;
  v_came bigint;
  v_changed boolean;
  v_unknown boolean;
  v_left boolean;
  v_booked boolean;
  v_bad jsonb;
  v_seen jsonb;
  v_state text;
  v_why text;
  v_budget {s}.budgets%ROWTYPE;
  v_account {s}.accounts%ROWTYPE;
  v_attempt {s}.attempts%ROWTYPE;
  v_vendor {s}.providers%ROWTYPE;
BEGIN
  IF current_setting('synchronous_commit') = 'off' THEN
    PERFORM set_config('synchronous_commit', 'on', true);
  END IF;
  PERFORM set_config('lock_timeout', '10s', true);

  -- Locks.
  v_kinds := ARRAY(SELECT value ->> 'op' FROM jsonb_array_elements(p_ops) WITH ORDINALITY ORDER BY ordinality);
  IF 'label' = ANY (v_kinds) THEN
    v_lost := ARRAY(
      SELECT id FROM {s}.attempts WHERE state = 'open' AND (expires_us <= v_now OR (
        process <> p_process AND process NOT IN (SELECT id FROM {s}.processes WHERE seen_us > v_now - c_gone))));
  END IF;
  v_ids := ARRAY(SELECT DISTINCT value ->> 'id' FROM jsonb_array_elements(p_ops) WHERE value ? 'id') || v_lost;
  PERFORM 1 FROM {s}.attempts WHERE id = ANY (v_ids) ORDER BY id FOR UPDATE;
  WITH wanted AS (
    SELECT DISTINCT claim ->> 0 AS budget, claim ->> 1 AS key, w ->> 0 AS window_id
    FROM jsonb_array_elements(p_ops) AS o(op), jsonb_array_elements(o.op -> 'claims') AS c(claim),
      jsonb_array_elements(claim -> 3) AS p(w)
    WHERE o.op ->> 'op' = 'reserve' AND (w ->> 1)::bigint <= v_now AND v_now < (w ->> 2)::bigint
  ), made AS (
    INSERT INTO {s}.accounts (budget, key, window_id)
    SELECT n.budget, n.key, n.window_id FROM wanted n WHERE NOT EXISTS (
      SELECT 1 FROM {s}.accounts a WHERE a.budget = n.budget AND a.window_id = n.window_id AND a.key = n.key)
    ORDER BY 1, 3, 2 ON CONFLICT DO NOTHING RETURNING id)
  SELECT coalesce(array_agg(id), '{}') INTO v_fresh FROM made;
  PERFORM 1 FROM {s}.accounts WHERE id IN (
    SELECT a.id FROM jsonb_array_elements(p_ops) AS o(op), jsonb_array_elements(o.op -> 'claims') AS c(claim),
      jsonb_array_elements(claim -> 3) AS p(w), {s}.accounts a
    WHERE a.budget = claim ->> 0 AND a.window_id = w ->> 0 AND a.key = claim ->> 1 AND o.op ->> 'op' = 'reserve'
      AND (w ->> 1)::bigint <= v_now AND v_now < (w ->> 2)::bigint
    UNION
    SELECT (line ->> 0)::bigint FROM {s}.attempts t, jsonb_array_elements(t.lines) AS n(line) WHERE t.id = ANY (v_ids))
  ORDER BY id FOR UPDATE;
  v_names := ARRAY(
    SELECT DISTINCT n.name FROM jsonb_array_elements(p_ops) AS o(op) LEFT JOIN {s}.attempts t ON t.id = o.op ->> 'id',
      LATERAL (SELECT CASE o.op ->> 'op' WHEN 'settle' THEN t.provider ELSE o.op ->> 'provider' END AS name) n
      LEFT JOIN {s}.providers p ON p.name = n.name
    WHERE n.name IS NOT NULL AND CASE o.op ->> 'op'
      WHEN 'reserve' THEN {s}.is_due(p, v_now)
      WHEN 'settle' THEN t.state = 'open' AND {s}.is_fresh(p, v_now) IS NOT TRUE
      WHEN 'keep' THEN t.state = 'open' AND (o.op ->> 'ending' IN ('silent', 'given_up')
        OR (o.op ->> 'ending' = 'answered' AND {s}.is_fresh(p, v_now) IS NOT TRUE))
      ELSE false END
    UNION SELECT provider FROM {s}.attempts WHERE id = ANY (v_lost) AND provider IS NOT NULL);
  IF v_names <> '{}' THEN
    INSERT INTO {s}.providers (name) SELECT name FROM unnest(v_names) AS n(name) ORDER BY name ON CONFLICT DO NOTHING;
    PERFORM 1 FROM {s}.providers WHERE name = ANY (v_names) ORDER BY name FOR UPDATE;
  END IF;

  FOR v_at IN 1 .. cardinality(v_kinds) LOOP
    v_kind := v_kinds[v_at];
    IF v_at > v_to THEN
      v_to := v_at;
      WHILE v_kinds[v_to + 1] = v_kind LOOP
        v_to := v_to + 1;
      END LOOP;
      IF v_kind = 'settle' THEN
        v_some := {s}.settle_many(p_ops, v_at, v_to, v_now);
      ELSIF v_kind = 'reserve' THEN
        SELECT replies, used INTO v_some, v_more FROM {s}.reserve_many(p_process, p_ops, v_at, v_to, v_now);
        v_used := v_used || v_more;
      ELSE
        v_some := array_fill(NULL::jsonb, ARRAY[v_to - v_at + 1]);
      END IF;
      v_replies := v_replies || v_some;
    END IF;
    CONTINUE WHEN v_replies[v_at] IS NOT NULL;
    v_op := p_ops -> (v_at - 1);
    v_id := v_op ->> 'id';
    v_provider := v_op ->> 'provider';
    v_reply := 'null';
    IF v_id IS NOT NULL THEN
      SELECT * INTO v_attempt FROM {s}.attempts WHERE id = v_id;
      v_unknown := NOT FOUND;
      IF NOT v_unknown THEN
        v_provider := v_attempt.provider;
      END IF;
    END IF;

    CASE v_kind
    WHEN 'reserve' THEN
      v_lines := '[]';
      v_refused := NULL;
      v_silent := NULL;  -- refused for the share
      v_unprobed := NULL;  -- the same, if it were not the time for a probe
      v_came := coalesce(nullif((v_op ->> 'came')::bigint, 0), v_now);
      v_floor := v_floors -> (v_op ->> 'group');
      IF NOT v_unknown THEN
        v_reply := CASE WHEN v_attempt.state IN ('open', 'kept', 'doubted')
                   THEN {s}.held(v_attempt.reserved_us, v_attempt.lines)
                   ELSE jsonb_build_object('r', 'closed', 'state', v_attempt.state) END;
      ELSIF (v_op -> 'again')::boolean AND v_floor IS NOT NULL AND NOT EXISTS (
          SELECT 1 FROM jsonb_array_elements(v_op -> 'claims') WITH ORDINALITY AS c(claim, place)
          WHERE coalesce((claim ->> 2)::bigint, 0) < (v_floor ->> (place::int - 1))::bigint) THEN
        v_reply := '{"r": "behind"}';
      ELSE
        v_vendor := {s}.provider(v_provider);
        v_well := {s}.is_well(v_vendor);
        v_due := {s}.is_due(v_vendor, v_now);
        FOR v_claim IN SELECT value FROM jsonb_array_elements(v_op -> 'claims') LOOP
          SELECT * INTO v_budget FROM {s}.budgets WHERE name = v_claim ->> 0;
          IF NOT FOUND THEN
            v_reply := jsonb_build_object('r', 'unknown', 'budget', v_claim ->> 0);
            EXIT;
          END IF;
          v_amount := (v_claim ->> 2)::bigint;
          IF v_amount IS NULL AND v_budget.hard THEN
            v_reply := jsonb_build_object('r', 'amount', 'budget', v_budget.name);
            EXIT;
          END IF;
          SELECT w ->> 0 INTO v_window FROM jsonb_array_elements(v_claim -> 3) AS p(w)
            WHERE (w ->> 1)::bigint <= v_now AND v_now < (w ->> 2)::bigint LIMIT 1;
          IF NOT FOUND THEN
            v_reply := '{"r": "window"}';
            EXIT;
          END IF;
          SELECT * INTO STRICT v_account FROM {s}.accounts
            WHERE budget = v_budget.name AND window_id = v_window AND key = v_claim ->> 1;
          v_lines := v_lines || jsonb_build_array(jsonb_build_array(
            v_account.id, v_amount, coalesce(v_amount, 0), 0, CASE WHEN v_amount IS NULL THEN 1 ELSE 0 END));
          CONTINUE WHEN coalesce(v_amount, 0) = 0 OR v_refused IS NOT NULL;
          v_total := v_account.settled::numeric + v_account.held + v_amount;
          IF NOT v_budget.hard THEN
            IF v_total > c_most THEN
              v_reply := jsonb_build_object('r', 'full', 'budget', v_budget.name);
              EXIT;
            END IF;
            CONTINUE;
          END IF;
          v_seen := jsonb_build_object('r', 'refused', 'budget', v_budget.name, 'window', v_window,
            'limit', v_budget.limit_nanos::text, 'settled', v_account.settled::text, 'held', v_account.held::text);
          IF v_total > v_budget.limit_nanos THEN
            v_refused := v_seen;
            CONTINUE;
          END IF;
          v_promised := {s}.promised(p_process, v_budget.name, v_claim ->> 1, '', v_came, v_now);
          IF v_promised > 0 AND v_total - v_amount + v_promised <= v_budget.limit_nanos
             AND v_total + v_promised > v_budget.limit_nanos THEN
            v_refused := v_seen || jsonb_build_object('promised', v_promised::text);
            CONTINUE;
          END IF;
          CONTINUE WHEN v_budget.share_ppm >= 1000000 OR v_silent IS NOT NULL;
          v_share := div(v_budget.limit_nanos::numeric * v_budget.share_ppm, 1000000);
          v_flight := coalesce((v_account.owed ->> v_provider)::bigint, 0);
          v_doubt := {s}.doubt_of(v_account.owed, v_provider);
          CONTINUE WHEN v_flight + v_doubt = 0;
          v_promised := {s}.promised(p_process, v_budget.name, v_claim ->> 1, v_provider, v_came, v_now);
          CONTINUE WHEN v_flight + v_doubt + v_amount + v_promised <= v_share - greatest(div(v_share, 4), v_amount)
            OR (v_flight = 0 AND v_well);
          v_unprobed := v_seen || jsonb_build_object('silent', true, 'promised', v_promised::text,
            'answering', v_well AND abs(v_now - v_vendor.answered_us) < c_fresh);
          IF NOT (v_flight = 0 AND v_due AND v_doubt + v_amount <= greatest(v_share, 2::numeric * v_amount)) THEN
            v_silent := v_unprobed;
          END IF;
        END LOOP;
        IF v_reply = 'null' AND v_refused IS NOT NULL THEN
          v_reply := v_refused;
        END IF;
        IF v_reply = 'null' AND v_silent IS NOT NULL THEN
          IF EXISTS (SELECT 1 FROM {s}.attempts WHERE state = 'open' AND expires_us <= v_now) OR EXISTS (
              SELECT 1 FROM {s}.attempts WHERE state = 'open' AND process <> p_process
                AND process NOT IN (SELECT id FROM {s}.processes WHERE seen_us > v_now - c_gone)) THEN
            v_reply := v_silent || '{"stale": true}';
          ELSE
            v_reply := v_silent;
          END IF;
        END IF;
        IF v_reply = 'null' THEN
          IF v_unprobed IS NOT NULL THEN
            UPDATE {s}.providers SET doubted_us = v_now, probes = probes + 1 WHERE name = v_provider;
          END IF;
          INSERT INTO {s}.attempts (
            id, state, provider, call_id, process, reserved_us, expires_us, started_us, meta, lines)
          VALUES (
            v_id, 'open', v_provider, v_op ->> 'call', p_process, v_now, v_now + (v_op ->> 'lasts')::bigint, v_now,
            v_op ->> 'meta', v_lines) ON CONFLICT DO NOTHING;
          IF NOT FOUND THEN
            RAISE EXCEPTION 'attempt % came twice at once', v_id USING ERRCODE = '40001';
          END IF;
          FOR v_line IN SELECT value FROM jsonb_array_elements(v_lines) LOOP
            PERFORM {s}.move(v_id, v_provider, 'open', (v_line ->> 0)::bigint, 'hold', (v_line ->> 2)::bigint, 0,
              (v_line ->> 4)::bigint, v_now, NULL);
            v_used := v_used || (v_line ->> 0)::bigint;
          END LOOP;
          DELETE FROM {s}.waiting WHERE process = p_process AND since_us = v_came AND provider IN ('', v_provider)
            AND (budget, key) IN (
              SELECT claim ->> 0, claim ->> 1 FROM jsonb_array_elements(v_op -> 'claims') AS c(claim));
          v_reply := {s}.held(v_now, v_lines);
        ELSIF v_reply ->> 'r' = 'refused' AND NOT v_reply ? 'stale' THEN
          v_reply := v_reply || jsonb_build_object('came', v_came::text);
          v_claim := (
            SELECT value FROM jsonb_array_elements(v_op -> 'claims') WHERE value ->> 0 = v_reply ->> 'budget');
          -- Whether it goes on waiting: then nobody who wants as much of the same is tried after it.
          v_fine := v_reply ? 'silent'
            OR (v_reply ->> 'settled')::numeric + (v_claim ->> 2)::bigint <= (v_reply ->> 'limit')::bigint;
          IF v_fine THEN
            v_floors := v_floors || jsonb_build_object(v_op ->> 'group', (
              SELECT jsonb_agg(coalesce(claim -> 2, '0') ORDER BY place)
              FROM jsonb_array_elements(v_op -> 'claims') WITH ORDINALITY AS c(claim, place)));
          END IF;
          v_place := CASE WHEN v_reply ? 'silent' THEN v_provider ELSE '' END;
          IF v_fine AND (v_op -> 'waits' -> CASE WHEN NOT v_reply ? 'silent' THEN 'money'
              WHEN (v_reply -> 'answering')::boolean THEN 'busy' ELSE 'silent' END)::boolean THEN
            INSERT INTO {s}.waiting AS w (process, budget, key, provider, since_us, needed, seen_us)
            VALUES (p_process, v_claim ->> 0, v_claim ->> 1, v_place, v_came, (v_claim ->> 2)::bigint, v_now)
            ON CONFLICT (process, budget, key, provider) DO UPDATE
              SET since_us = excluded.since_us, needed = excluded.needed, seen_us = excluded.seen_us
              WHERE w.since_us > excluded.since_us OR w.seen_us <= v_now - c_ticket OR (
                w.since_us = excluded.since_us AND (w.needed <> excluded.needed OR w.seen_us <= v_now - c_step));
          END IF;
        END IF;
      END IF;

    WHEN 'settle' THEN
      v_lines := '[]';
      v_bad := '[]';
      v_seen := '[]';
      v_state := CASE WHEN v_unknown THEN 'settled' ELSE v_attempt.state END;
      v_changed := v_unknown OR v_state <> 'settled';
      v_left := false;
      FOR v_line IN SELECT value FROM jsonb_array_elements(CASE WHEN v_unknown THEN '[]' ELSE v_attempt.lines END) LOOP
        SELECT * INTO STRICT v_account FROM {s}.accounts WHERE id = (v_line ->> 0)::bigint;
        v_seen := v_seen || to_jsonb(v_account.budget);
        v_amount := (v_op -> 'amounts' ->> v_account.budget)::bigint;
        IF v_amount IS NOT NULL AND (v_line ->> 4)::int & 2 = 0 THEN
          IF v_amount > c_most - greatest(0, v_account.settled) THEN
            v_bad := v_bad || to_jsonb(v_account.budget);
          ELSE
            v_changed := v_changed OR v_amount <> (v_line ->> 3)::bigint OR (v_line ->> 2)::bigint <> 0
              OR (v_line ->> 4)::int & 1 = 1;
            PERFORM {s}.move(v_id, v_attempt.provider, v_state, v_account.id,
              CASE WHEN v_state IN ('settled', 'released') THEN 'late' ELSE 'settle' END,
              -(v_line ->> 2)::bigint, v_amount - (v_line ->> 3)::bigint, -((v_line ->> 4)::int & 1), v_now, NULL);
            v_line := jsonb_build_array(v_line -> 0, v_line -> 1, 0, v_amount, (v_line ->> 4)::int & 2);
          END IF;
        END IF;
        v_left := v_left OR (v_line ->> 2)::bigint <> 0;
        v_lines := v_lines || jsonb_build_array(v_line);
      END LOOP;
      IF v_changed AND v_state = 'open' AND v_attempt.provider IS NOT NULL THEN
        PERFORM {s}.trust(v_attempt.provider, v_attempt.reserved_us, v_lines, v_now);
      END IF;
      IF v_left AND v_state = 'open' THEN
        PERFORM {s}.land(v_attempt.provider, v_lines, false, v_attempt.reserved_us);
        v_state := 'kept';
      END IF;
      IF v_unknown THEN
        INSERT INTO {s}.attempts (
          id, state, provider, call_id, reserved_us, expires_us, started_us, meta, lines, record, currency)
        VALUES (
          v_id, 'settled', v_provider, v_op ->> 'call', v_now, v_now, (v_op ->> 'started')::bigint, v_op ->> 'meta',
          '[]', v_op ->> 'record', v_op ->> 'currency') ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
          RAISE EXCEPTION 'attempt % came twice at once', v_id USING ERRCODE = '40001';
        END IF;
      ELSE
        UPDATE {s}.attempts SET state = CASE WHEN v_left THEN v_state ELSE 'settled' END, lines = v_lines,
          record = v_op ->> 'record', currency = v_op ->> 'currency', started_us = (v_op ->> 'started')::bigint
        WHERE id = v_id;
      END IF;
      v_reply := jsonb_build_object('claimed', v_seen, 'bad', v_bad, 'unknown', v_unknown);

    WHEN 'release' THEN
      IF v_unknown THEN
        INSERT INTO {s}.attempts (
          id, state, provider, call_id, reserved_us, expires_us, started_us, meta, lines, record, currency)
        VALUES (
          v_id, 'withdrawn', v_provider, v_op ->> 'call', v_now, v_now,
          coalesce((v_op ->> 'started')::bigint, v_now), v_op ->> 'meta', '[]', v_op ->> 'record',
          v_op ->> 'currency') ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
          RAISE EXCEPTION 'attempt % came twice at once', v_id USING ERRCODE = '40001';
        END IF;
      ELSIF v_attempt.state IN ('open', 'kept', 'doubted') THEN
        v_lines := '[]';
        v_booked := false;
        FOR v_line IN SELECT value FROM jsonb_array_elements(v_attempt.lines) LOOP
          v_booked := v_booked OR (v_line ->> 3)::bigint > 0 OR (v_line ->> 4)::int & 2 <> 0;
          PERFORM {s}.move(v_id, v_attempt.provider, v_attempt.state, (v_line ->> 0)::bigint, 'release',
            -(v_line ->> 2)::bigint, 0, -((v_line ->> 4)::int & 1), v_now, NULL);
          v_lines := v_lines || jsonb_build_array(
            jsonb_build_array(v_line -> 0, v_line -> 1, 0, v_line -> 3, (v_line ->> 4)::int & 2));
        END LOOP;
        UPDATE {s}.attempts SET state = CASE WHEN v_booked THEN 'settled' ELSE 'released' END, lines = v_lines,
          record = coalesce(v_op ->> 'record', record),
          currency = CASE WHEN v_op ->> 'record' IS NULL THEN currency ELSE v_op ->> 'currency' END,
          started_us = coalesce((v_op ->> 'started')::bigint, started_us)
        WHERE id = v_id;
      END IF;

    WHEN 'keep' THEN
      IF v_unknown THEN
        INSERT INTO {s}.attempts (
          id, state, provider, call_id, reserved_us, expires_us, started_us, meta, lines, record, currency)
        VALUES (
          v_id, 'settled', v_provider, v_op ->> 'call', v_now, v_now, (v_op ->> 'started')::bigint, v_op ->> 'meta',
          '[]', v_op ->> 'record', v_op ->> 'currency') ON CONFLICT DO NOTHING;
        IF NOT FOUND THEN
          RAISE EXCEPTION 'attempt % came twice at once', v_id USING ERRCODE = '40001';
        END IF;
      ELSIF v_attempt.state IN ('open', 'kept', 'doubted') THEN
        v_state := v_attempt.state;
        IF v_state = 'open' THEN
          v_doubted := v_op ->> 'ending' IN ('silent', 'given_up');
          v_state := CASE WHEN v_doubted THEN 'doubted' ELSE 'kept' END;
          PERFORM {s}.land(v_attempt.provider, v_attempt.lines, v_doubted, v_attempt.reserved_us);
          IF v_doubted THEN
            PERFORM {s}.doubt(v_op ->> 'provider', v_op ->> 'ending' = 'silent', v_now);
          ELSIF v_op ->> 'ending' = 'answered' THEN
            PERFORM {s}.trust(v_op ->> 'provider', v_attempt.reserved_us, v_attempt.lines, v_now);
          END IF;
        END IF;
        UPDATE {s}.attempts SET
          state = CASE WHEN EXISTS (SELECT 1 FROM jsonb_array_elements(v_attempt.lines) AS n(line)
            WHERE (line ->> 2)::bigint <> 0 OR (line ->> 4)::int & 1 = 1) THEN v_state ELSE 'settled' END,
          record = v_op ->> 'record', currency = v_op ->> 'currency', started_us = (v_op ->> 'started')::bigint
        WHERE id = v_id;
      END IF;

    WHEN 'correct' THEN
      v_why := NULL;
      v_lines := '[]';
      v_seen := '[]';
      IF v_unknown THEN
        v_why := 'nobody';
      ELSIF v_attempt.currency <> v_op -> 'charged' ->> 1 THEN
        v_why := 'currency';
      ELSE
        v_seen := (SELECT coalesce(jsonb_agg(a.budget), '[]') FROM jsonb_array_elements(v_attempt.lines) AS n(line)
          JOIN {s}.accounts a ON a.id = (n.line ->> 0)::bigint);
        IF EXISTS (SELECT 1 FROM jsonb_object_keys(v_op -> 'amounts') AS k(name) WHERE NOT v_seen ? name) THEN
          v_why := 'budget';
        ELSIF EXISTS (SELECT 1 FROM jsonb_array_elements(v_attempt.lines) AS n(line)
            JOIN {s}.accounts a ON a.id = (n.line ->> 0)::bigint
            WHERE (v_op -> 'amounts' ->> a.budget)::bigint > c_most - greatest(0, a.settled)) THEN
          v_why := 'nanos';
        END IF;
      END IF;
      IF v_why IS NULL AND (v_op -> 'amounts' <> '{}' OR v_op -> 'charged' <> 'null') THEN
        v_left := false;
        v_state := v_attempt.state;
        FOR v_line IN SELECT value FROM jsonb_array_elements(v_attempt.lines) LOOP
          SELECT * INTO STRICT v_account FROM {s}.accounts WHERE id = (v_line ->> 0)::bigint;
          v_amount := (v_op -> 'amounts' ->> v_account.budget)::bigint;
          IF v_amount IS NOT NULL THEN
            PERFORM {s}.move(v_id, v_attempt.provider, v_attempt.state, v_account.id, 'correct',
              -(v_line ->> 2)::bigint, v_amount - (v_line ->> 3)::bigint, -((v_line ->> 4)::int & 1), v_now,
              v_op ->> 'reason');
            v_line := jsonb_build_array(v_line -> 0, v_line -> 1, 0, v_amount, 2);
          END IF;
          v_left := v_left OR (v_line ->> 2)::bigint <> 0;
          v_lines := v_lines || jsonb_build_array(v_line);
        END LOOP;
        IF v_left AND v_state = 'open' THEN
          PERFORM {s}.land(v_attempt.provider, v_lines, false, v_attempt.reserved_us);
          v_state := 'kept';
        END IF;
        UPDATE {s}.attempts SET state = CASE WHEN v_left THEN v_state ELSE 'settled' END, lines = v_lines,
          charged = CASE WHEN v_op -> 'charged' = 'null' THEN charged
            ELSE '[' || (v_op -> 'charged' ->> 0) || ',' || (v_op -> 'charged' -> 1)::text || ']' END
        WHERE id = v_id;
      END IF;
      v_reply := jsonb_build_object('why', v_why, 'claimed', v_seen, 'billed', v_attempt.currency);

    WHEN 'label' THEN
      FOR v_attempt IN SELECT * FROM {s}.attempts WHERE id = ANY (v_lost) AND state = 'open' LOOP
        PERFORM {s}.give_up(v_attempt);
      END LOOP;
      v_reply := to_jsonb(cardinality(v_lost));

    WHEN 'wait' THEN
      DELETE FROM {s}.waiting WHERE process = p_process AND (budget, key, provider, since_us) NOT IN (
        SELECT value ->> 0, value ->> 1, value ->> 2, (value ->> 3)::bigint
        FROM jsonb_array_elements(v_op -> 'tickets'));

    WHEN 'alive' THEN
      INSERT INTO {s}.processes (id, seen_us) VALUES (p_process, v_now)
        ON CONFLICT (id) DO UPDATE SET seen_us = excluded.seen_us;
      DELETE FROM {s}.processes WHERE id IN (
        SELECT id FROM {s}.processes WHERE seen_us < v_now - c_forget FOR UPDATE SKIP LOCKED);
      DELETE FROM {s}.waiting WHERE (budget, key, provider, process) IN (
        SELECT budget, key, provider, process FROM {s}.waiting WHERE seen_us < v_now - 20 * c_ticket
        FOR UPDATE SKIP LOCKED);
    END CASE;
    v_replies[v_at] := v_reply;
  END LOOP;

  DELETE FROM {s}.accounts WHERE id = ANY (v_fresh) AND NOT id = ANY (v_used);
  RETURN jsonb_build_object('now', v_now::text, 'replies', to_jsonb(v_replies));
END $$;
