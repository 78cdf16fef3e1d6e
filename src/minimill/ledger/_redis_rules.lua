-- Every operation of the books, many in one call: the rules of _books.py, over the objects of _redis_objects.lua.

-- What a provider owes to an account, as `Owed` of _accounts.py says: in flight, let down (old and new), and since when.
local function owed(a, name, kind)
  return a.owed[name .. kind] or 0
end

local function owe(a, name, kind, nanos)
  -- Answers may have taken off already what a late settlement takes off now.
  a.owed[name .. kind] = math.max(0, nanos)
  a.moved = true
end

local function doubt_of(a, name)
  return owed(a, name, OLD) + owed(a, name, NEW)
end

local function fly(a, name, nanos)
  owe(a, name, "", owed(a, name, "") + nanos)
end

local function let_down(a, name, nanos, begun)
  local kind = begun < owed(a, name, SINCE) and OLD or NEW
  owe(a, name, kind, owed(a, name, kind) + nanos)
end

local function forgive(a, name, nanos, begun)
  if begun < owed(a, name, SINCE) or doubt_of(a, name) == 0 then return end
  owe(a, name, OLD, owed(a, name, OLD) - nanos)
  if owed(a, name, OLD) == 0 and owed(a, name, NEW) > 0 then
    owe(a, name, OLD, owed(a, name, NEW))
    owe(a, name, NEW, 0)
    owe(a, name, SINCE, now)
  end
  if doubt_of(a, name) == 0 then owe(a, name, SINCE, 0) end
end

local function clear(a, name, nanos)
  local old = owed(a, name, OLD)
  owe(a, name, OLD, old - nanos)
  if nanos > old then owe(a, name, NEW, owed(a, name, NEW) - (nanos - old)) end
  if doubt_of(a, name) == 0 then owe(a, name, SINCE, 0) end
end

local function move(t, line, kind, held, settled, unpriced, reason)
  local a = line.account
  if held == 0 and settled == 0 and unpriced == 0 then return end
  line.held = line.held + held
  line.booked = line.booked + settled
  if unpriced < 0 then line.unpriced = 0 end
  a.held, a.settled, a.unpriced, a.moved = a.held + held, a.settled + settled, a.unpriced + unpriced, true
  if held ~= 0 then
    if t.state ~= OPEN then a.kept = a.kept + held end
    if t.provider and t.state == OPEN then fly(a, t.provider, held) end
    if t.provider and t.state == DOUBTED then clear(a, t.provider, -held) end
  end
  entries[#entries + 1] = '["' .. text(now) .. '",' .. cjson.encode(t.id) .. ',"' .. number_of(a) .. '","' .. kind ..
    '","' .. text(held) .. '","' .. text(settled) .. '","' .. text(unpriced) .. '",' ..
    (reason and cjson.encode(reason) or "null") .. "]"
end

-- What an attempt holds is no longer in flight: it is unconfirmed.
local function land(t, doubted)
  for _, line in ipairs(t.lines) do
    if line.held ~= 0 then
      line.account.kept = line.account.kept + line.held
      line.account.moved = true
      if t.provider then
        fly(line.account, t.provider, -line.held)
        if doubted then let_down(line.account, t.provider, line.held, t.reserved) end
      end
    end
  end
end

local function close(t, state)
  local left = false
  for _, line in ipairs(t.lines) do left = left or line.held ~= 0 end
  if left and t.state == OPEN then
    land(t, false)
    t.state = KEPT
  elseif not left then
    t.state = state
  end
  put(t)
end

local function tell(t, op)
  if null_free(op.record) then
    t.record, t.currency, t.started = op.record, null_free(op.currency), tonumber(op.started)
  end
end

local function unheard_of(op, state)
  local t = {id = op.id, state = state, provider = null_free(op.provider), call = null_free(op.call),
             meta = null_free(op.meta), reserved = now, expires = now, started = now, lines = {}}
  tell(t, op)
  put(t)
  return t
end

local function is_well(vendor)
  return vendor.answered > 0 and vendor.answered >= vendor.doubted
end

-- Whether it is time to find out if a vendor answers again.
local function is_due(vendor)
  if vendor.probes == AT_ONCE then return true end
  local pause = math.min(PROBE * 2 ^ math.min(vendor.probes, 20), PROBE_MOST)
  return vendor.doubted > 0 and now - vendor.doubted >= pause
end

-- A whole answer: the vendor is doubted less, and is well if it was asked for after the last silence.
local function trust(t, name)
  local vendor = provider_of(name)
  for _, line in ipairs(t.lines) do forgive(line.account, name, line.reserved or 0, t.reserved) end
  if t.reserved < vendor.silent then return end
  local since = now - vendor.answered
  if is_well(vendor) and vendor.probes == 0 and since >= 0 and since < STEP then return end
  vendor.answered, vendor.probes, vendor.changed = now, 0, true
end

-- An attempt came to nothing.
local function doubt(name, ending)
  local vendor = provider_of(name)
  vendor.doubted, vendor.changed = now, true
  vendor.answered = math.min(vendor.answered, now - 1)
  if ending == "silent" then vendor.silent = now end
end

local function is_gone(process)
  if process == PROCESS then return false end
  local seen = redis.call("ZSCORE", key("processes"), process)
  return not seen or tonumber(seen) <= now - GONE
end

-- Attempts that nobody is going to close: their time has passed, or their process is gone. The first is enough?
local function expired(first)
  local found, seen = {}, {}
  local late = redis.call("ZRANGEBYSCORE", key("inflight"), "-inf", text(now), "LIMIT", 0, first and 1 or -1)
  for _, id in ipairs(late) do
    found[#found + 1], seen[id] = id, true
  end
  for _, process in ipairs(redis.call("SMEMBERS", key("working"))) do
    if (not first or #found == 0) and is_gone(process) then
      for _, id in ipairs(redis.call("SMEMBERS", key("process", process))) do
        if not seen[id] then found[#found + 1] = id end
      end
    end
  end
  return found
end

local function held_reply(t)
  local found = {}
  for i, line in ipairs(t.lines) do
    local a = line.account
    local b = budget_of(a.budget)
    found[i] = {a.budget, a.key, a.window, text(b.limit), text(a.settled), text(a.held), text(a.kept),
                text(a.unpriced), b.hard}
  end
  return {r = "held", at = text(t.reserved), b = found}
end

-- What is asked for, line by line; or the reply that says why it cannot be booked.
local function lines_of(op)
  local lines = {}
  for i, claim in ipairs(op.claims) do
    local b = budget_of(claim[1])
    if not b then return nil, {r = "unknown", budget = claim[1]} end
    local amount = tonumber(null_free(claim[3]))
    if not amount and b.hard then return nil, {r = "amount", budget = claim[1]} end
    local window = nil
    for _, w in ipairs(claim[4]) do
      if tonumber(w[2]) <= now and now < tonumber(w[3]) then window = window or w[1] end
    end
    if not window then return nil, {r = "window"} end
    lines[i] = {account = account_at(claim[1], claim[2], window), reserved = amount, held = 0, booked = 0,
                unpriced = amount and 0 or 1, corrected = false}
  end
  return lines
end

-- Why no more may be out with a vendor, or nil. Two answers: as it is, and as if it were not the time for a probe.
local function over_share(line, share, provider, vendor, came)
  local a, amount = line.account, line.reserved
  local flight, doubted = owed(a, provider, ""), doubt_of(a, provider)
  if not share or flight + doubted == 0 then return nil, nil end
  local most = share - math.max(math.floor(share / 4), amount)
  local first = promised(a.budget, a.key, provider, came)
  if flight + doubted + amount + first <= most then return nil, nil end
  if flight == 0 and is_well(vendor) then return nil, nil end
  local said = {line = line, silent = true, promised = first}
  if flight == 0 and is_due(vendor) and doubted + amount <= math.max(share, 2 * amount) then return nil, said end
  return said, said
end

-- Why they cannot all be held, or nil; and why not if it were not the time for a probe.
local function refusal_of(lines, provider, vendor, came)
  local silent, unprobed = nil, nil
  for _, line in ipairs(lines) do
    local a, amount = line.account, line.reserved or 0
    local b, total = budget_of(a.budget), a.settled + a.held + amount
    if amount > 0 and not b.hard then
      if total > MOST then return {full = a.budget} end
    elseif amount > 0 then
      if total > b.limit then return {line = line, promised = 0, hopeless = a.settled + amount > b.limit} end
      local first = promised(a.budget, a.key, "", came)
      if first > 0 and total - amount + first <= b.limit and total + first > b.limit then
        return {line = line, promised = first}
      end
      local one, other = over_share(line, b.share, provider, vendor, came)
      silent, unprobed = silent or one, unprobed or other
    end
  end
  return silent, unprobed
end

local function refused_reply(refusal, vendor, came)
  local a = refusal.line.account
  local said = {r = "refused", budget = a.budget, window = a.window, limit = text(budget_of(a.budget).limit),
                settled = text(a.settled), held = text(a.held), promised = text(refusal.promised), came = text(came)}
  if refusal.silent then
    said.silent, said.answering = true, is_well(vendor) and math.abs(now - vendor.answered) < FRESH
  end
  return said
end

-- Whoever is refused may wait: then nobody who wants as much of the same is tried after it, and it has a ticket.
local function let_wait(op, lines, refusal, said, came)
  if refusal.hopeless then return end
  local amounts = {}
  for i, line in ipairs(lines) do amounts[i] = line.reserved or 0 end
  floors[op.group] = amounts
  local waits = op.waits.money
  if refusal.silent then waits = said.answering and op.waits.busy or op.waits.silent end
  local a, provider = refusal.line.account, refusal.silent and op.provider or ""
  if waits then take_ticket(a.budget, a.key, provider, came, refusal.line.reserved) end
end

local function is_behind(op)
  local floor = op.again and floors[op.group]
  if not floor then return false end
  for i, claim in ipairs(op.claims) do
    if tonumber(null_free(claim[3]) or "0") < floor[i] then return false end
  end
  return true
end

local do_ = {}

function do_.reserve(op)
  local known = attempt_of(op.id)
  if known then
    if is_open(known) then return held_reply(known) end
    return {r = "closed", state = known.state}
  end
  if is_behind(op) then return {r = "behind"} end
  local came = tonumber(op.came)
  if came == 0 then came = now end
  local lines, problem = lines_of(op)
  if problem then return problem end
  local vendor = provider_of(op.provider)
  local refusal, unprobed = refusal_of(lines, op.provider, vendor, came)
  if refusal and refusal.full then return {r = "full", budget = refusal.full} end
  if refusal then
    local said = refused_reply(refusal, vendor, came)
    if refusal.silent and #expired(true) > 0 then
      said.stale = true
    else
      let_wait(op, lines, refusal, said, came)
    end
    return said
  end
  if unprobed then vendor.doubted, vendor.probes, vendor.changed = now, vendor.probes + 1, true end
  local t = {id = op.id, state = OPEN, provider = op.provider, call = op.call, process = PROCESS, meta = op.meta,
             reserved = now, expires = now + tonumber(op.lasts), started = now, lines = lines}
  for _, line in ipairs(lines) do
    number_of(line.account)
    line.account.moved = true
    move(t, line, "hold", line.reserved or 0, 0, line.unpriced)
  end
  put(t)
  for _, claim in ipairs(op.claims) do
    drop_ticket(claim[1], claim[2], "", text(came))
    drop_ticket(claim[1], claim[2], op.provider, text(came))
  end
  return held_reply(t)
end

local function too_much(line, amount)
  return amount > MOST - math.max(0, line.account.settled)
end

local function book(t, line, kind, amount, reason)
  local settled, unpriced = amount - line.booked, -line.unpriced
  if settled == 0 and line.held == 0 and unpriced == 0 then return false end
  move(t, line, kind, -line.held, settled, unpriced, reason)
  return true
end

function do_.settle(op)
  local t = attempt_of(op.id)
  local unknown = not t
  if unknown then t = unheard_of(op, SETTLED) end
  local claimed, bad = {}, {}
  local changed = unknown or t.state ~= SETTLED
  for i, line in ipairs(t.lines) do
    claimed[i] = line.account.budget
    local amount = tonumber(op.amounts[claimed[i]])
    if amount and not line.corrected then
      if too_much(line, amount) then
        bad[#bad + 1] = claimed[i]
      else
        local late = t.state == SETTLED or t.state == RELEASED
        changed = book(t, line, late and "late" or "settle", amount) or changed
      end
    end
  end
  if changed and t.state == OPEN and t.provider then trust(t, t.provider) end
  tell(t, op)
  close(t, SETTLED)
  return {claimed = claimed, bad = bad, unknown = unknown}
end

function do_.release(op)
  local t = attempt_of(op.id)
  if not t then
    t = unheard_of(op, WITHDRAWN)
  elseif is_open(t) then
    local booked = false
    for _, line in ipairs(t.lines) do
      booked = booked or line.booked > 0 or line.corrected
      move(t, line, "release", -line.held, 0, -line.unpriced)
    end
    tell(t, op)
    close(t, booked and SETTLED or RELEASED)
  end
  return cjson.null
end

function do_.keep(op)
  local t = attempt_of(op.id)
  if t and not is_open(t) then return cjson.null end
  if not t then
    unheard_of(op, SETTLED)
    return cjson.null
  end
  if t.state == OPEN then
    local doubted = op.ending == "silent" or op.ending == "given_up"
    land(t, doubted)
    t.state = doubted and DOUBTED or KEPT
    if doubted then
      doubt(op.provider, op.ending)
    elseif op.ending == "answered" then
      trust(t, op.provider)
    end
  end
  local waits = false
  for _, line in ipairs(t.lines) do waits = waits or line.held ~= 0 or line.unpriced ~= 0 end
  if not waits then t.state = SETTLED end
  tell(t, op)
  put(t)
  return cjson.null
end

function do_.correct(op)
  local t = attempt_of(op.id)
  if not t then return {why = "nobody", claimed = {}, billed = cjson.null} end
  local charged, claimed, lines = null_free(op.charged), {}, {}
  for i, line in ipairs(t.lines) do
    claimed[i] = line.account.budget
    lines[claimed[i]] = line
  end
  local reply = {why = cjson.null, claimed = claimed, billed = t.currency or cjson.null}
  if charged and t.currency and t.currency ~= charged[2] then
    reply.why = "currency"
    return reply
  end
  for budget, amount in pairs(op.amounts) do
    if not lines[budget] then
      reply.why = "budget"
    elseif reply.why == cjson.null and too_much(lines[budget], tonumber(amount)) then
      reply.why = "nanos"
    end
  end
  if reply.why ~= cjson.null or (not charged and next(op.amounts) == nil) then return reply end
  for _, line in ipairs(t.lines) do
    local amount = tonumber(op.amounts[line.account.budget])
    if amount then
      book(t, line, "correct", amount, op.reason)
      line.corrected = true
    end
  end
  if charged then t.charged = "[" .. charged[1] .. "," .. cjson.encode(charged[2]) .. "]" end
  close(t, SETTLED)
  return reply
end

-- Who was killed may have been killed for waiting in vain: a vendor that has not answered since is doubted for it,
-- and one call may find out at once.
local function give_up(t)
  local vendor = t.provider and provider_of(t.provider)
  local doubted = vendor and vendor.answered < t.reserved
  land(t, doubted)
  t.state = doubted and DOUBTED or KEPT
  put(t)
  if doubted then
    vendor.doubted, vendor.changed = math.max(vendor.doubted, vendor.answered + 1), true
    if vendor.silent < t.reserved then vendor.probes = AT_ONCE end
  end
end

function do_.label()
  local found = expired(false)
  for _, id in ipairs(found) do
    local t = attempt_of(id)
    if t and t.state == OPEN then give_up(t) end
  end
  return #found
end

function do_.wait(op)
  local wanted = {}
  for _, ticket in ipairs(op.tickets) do wanted[place_of(ticket[1], ticket[2], ticket[3])] = ticket[4] end
  local gone = {}
  for place in pairs(own()) do
    local found = redis.call("HGET", key("waiting", place), PROCESS)
    if not found or cjson.decode(found)[1] ~= wanted[place] then gone[#gone + 1] = place end
  end
  for _, place in ipairs(gone) do forget_ticket(place) end
  return cjson.null
end

function do_.alive()
  redis.call("ZADD", key("processes"), text(now), PROCESS)
  redis.call("ZREMRANGEBYSCORE", key("processes"), "-inf", "(" .. text(now - FORGET))
  return cjson.null
end

local replies = {}
for i, op in ipairs(cjson.decode(ARGV[4])) do
  replies[i] = cjson.encode(do_[op.op](op))
end

write_back()
return {text(now), "[" .. table.concat(replies, ",") .. "]"}
