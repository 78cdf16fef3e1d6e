-- The objects of the books in a script of Redis: read once, changed by the rules (_redis_rules.lua, which follows in
-- the same script), written back at its end. So an error before that changes no money.
--
-- KEYS[1]: the hash of the ledger's own facts. ARGV: the start of every key ("{name}:"), the process, the time in
-- microseconds or "" for the server's, and the operations in a list. Numbers arrive as text and are counted in doubles,
-- which are exact up to 2^53 - 1; every amount and sum is held below that. A script runs alone: no other command comes
-- in between.

local START, PROCESS = ARGV[1], ARGV[2]
local MOST = 9007199254740991
local FRESH, STEP, PROBE, PROBE_MOST = 30000000, 1000000, 60000000, 3600000000
local TICKET, GONE, FORGET = 3000000, 8000000, 86400000000
local OPEN, KEPT, DOUBTED = "open", "kept", "doubted"
local OLD, NEW, SINCE = "?", "!", "@"
local AT_ONCE = -1
local TOLD = {"record", "currency", "charged"}
local ALL = {"record", "currency", "charged", "provider", "call", "process", "meta"}
local SETTLED, RELEASED, WITHDRAWN = "settled", "released", "withdrawn"

local now = tonumber(ARGV[3])
if not now then
  local time = redis.call("TIME")
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end

local budgets, accounts, places, attempts, providers = {}, {}, {}, {}, {}
local entries, fresh, floors = {}, {}, {}
local others_wait, own_tickets = {}, nil
local next_account = nil

local texts = {[0] = "0"}  -- and of -0, which is the same key

local function text(number)
  local found = texts[number]
  if not found then
    found = string.format("%.0f", number)
    texts[number] = found
  end
  return found
end

local ATTEMPT = START .. "attempt:"

local function key(...)
  return START .. table.concat({...}, ":")
end

local function null_free(value)
  if value == cjson.null then return nil end
  return value
end

local function budget_of(name)
  if budgets[name] == nil then
    local found = redis.call("HGET", key("budgets"), name)
    budgets[name] = found and cjson.decode(found) or false
    if found then
      local b = budgets[name]
      b.limit, b.share = tonumber(b.limit), tonumber(b.share)
    end
  end
  return budgets[name]
end

local function read_account(number)
  local a = {id = number, owed = {}}
  local found = redis.call("HGETALL", key("account", number))
  for i = 1, #found, 2 do
    local name, value = found[i], found[i + 1]
    if string.sub(name, 1, 1) == "@" then
      a.owed[string.sub(name, 2)] = tonumber(value)
    elseif name == "budget" or name == "key" or name == "window" then
      a[name] = value
    else
      a[name] = tonumber(value)
    end
  end
  accounts[number] = a
  return a
end

local function account_by_id(number)
  return accounts[number] or read_account(number)
end

-- One that is new gets its number when something is held in it.
local function account_at(budget, account_key, window)
  local place = #budget .. ":" .. #window .. ":" .. budget .. window .. account_key
  if places[place] then return places[place] end
  local window_key = key("window", #budget, budget, window)
  local number = redis.call("HGET", window_key, account_key)
  local a
  if number then
    a = account_by_id(number)
  else
    a = {budget = budget, key = account_key, window = window, settled = 0, held = 0, kept = 0, unpriced = 0, owed = {},
         window_key = window_key}
  end
  places[place] = a
  return a
end

local function number_of(a)
  if not a.id then
    next_account = (next_account or tonumber(redis.call("HGET", KEYS[1], "accounts") or "0")) + 1
    a.id = text(next_account)
    accounts[a.id] = a
    fresh[#fresh + 1] = a
  end
  return a.id
end

-- Not what was told about it, which is only written.
local KNOWN = {"state", "provider", "process", "reserved", "expires", "started", "lines_text", "currency"}

local function attempt_of(id)
  if attempts[id] == nil then
    local found = redis.call("HMGET", ATTEMPT .. id, unpack(KNOWN))
    if not found[1] then
      attempts[id] = false
    else
      local t = {id = id, was = found[1]}
      for i, name in ipairs(KNOWN) do t[name] = found[i] or nil end
      t.reserved, t.expires, t.started = tonumber(t.reserved), tonumber(t.expires), tonumber(t.started)
      t.lines = {}
      for i, line in ipairs(cjson.decode(t.lines_text)) do
        t.lines[i] = {
          account = account_by_id(text(line[1])), reserved = null_free(line[2]), held = line[3], booked = line[4],
          unpriced = line[5] % 2, corrected = line[5] >= 2}
      end
      attempts[id] = t
    end
  end
  return attempts[id]
end

local function put(t)
  t.changed = true
  attempts[t.id] = t
end

local function provider_of(name)
  if providers[name] == nil then
    local found = redis.call("HGET", key("providers"), name)
    local times = found and cjson.decode(found) or {"0", "0", "0", "0"}
    providers[name] = {answered = tonumber(times[1]), silent = tonumber(times[2]), doubted = tonumber(times[3]),
                       probes = tonumber(times[4])}
  end
  return providers[name]
end

-- Tickets. A place is a budget, a key, and the provider whose share is waited for; "" where it is money.
local function place_of(budget, account_key, provider)
  return cjson.encode({budget, account_key, provider})
end

-- Those of other processes, as they are while this script runs.
local function tickets_of_others(budget, account_key, provider)
  local at = #budget .. ":" .. #account_key .. ":" .. budget .. account_key .. provider
  if not others_wait[at] then
    local tickets = {}
    local found = redis.call("HGETALL", key("waiting", place_of(budget, account_key, provider)))
    for i = 1, #found, 2 do
      if found[i] ~= PROCESS then
        local ticket = cjson.decode(found[i + 1])
        local since, needed, seen = tonumber(ticket[1]), tonumber(ticket[2]), tonumber(ticket[3])
        if seen > now - TICKET then tickets[#tickets + 1] = {since, needed} end
      end
    end
    others_wait[at] = tickets
  end
  return others_wait[at]
end

local function promised(budget, account_key, provider, came)
  local best, needed = nil, 0
  for _, ticket in ipairs(tickets_of_others(budget, account_key, provider)) do
    if ticket[1] < came and (not best or ticket[1] < best) then best, needed = ticket[1], ticket[2] end
  end
  return needed
end

-- This process's own: the places where it waits.
local function own()
  if not own_tickets then
    own_tickets = {}
    for _, place in ipairs(redis.call("SMEMBERS", key("tickets", PROCESS))) do own_tickets[place] = true end
  end
  return own_tickets
end

local function forget_ticket(place)
  redis.call("HDEL", key("waiting", place), PROCESS)
  redis.call("SREM", key("tickets", PROCESS), place)
  own_tickets[place] = nil
end

local function drop_ticket(budget, account_key, provider, since)
  if next(own()) == nil then return end
  local place = place_of(budget, account_key, provider)
  if not own_tickets[place] then return end
  local found = redis.call("HGET", key("waiting", place), PROCESS)
  if found and cjson.decode(found)[1] == since then forget_ticket(place) end
end

local function take_ticket(budget, account_key, provider, came, needed)
  local place = place_of(budget, account_key, provider)
  local waiting = key("waiting", place)
  local found = redis.call("HGET", waiting, PROCESS)
  if found then
    local ticket = cjson.decode(found)
    local since, seen = tonumber(ticket[1]), tonumber(ticket[3])
    if since < came and seen > now - TICKET then return end
    if since == came and tonumber(ticket[2]) == needed and seen > now - STEP then return end
  end
  redis.call("HSET", waiting, PROCESS, cjson.encode({text(came), text(needed), text(now)}))
  redis.call("PEXPIRE", waiting, 60000)
  redis.call("SADD", key("tickets", PROCESS), place)
  redis.call("PEXPIRE", key("tickets", PROCESS), 60000)
  own()[place] = true
end

-- Writing back.

local function is_open(t)
  return t.state == OPEN or t.state == KEPT or t.state == DOUBTED
end

local function was_open(t)
  return t.was == OPEN or t.was == KEPT or t.was == DOUBTED
end

local function lines_text(t)
  local found = {}
  for i, line in ipairs(t.lines) do
    found[i] = "[" .. number_of(line.account) .. "," .. (line.reserved and text(line.reserved) or "null") .. "," ..
      text(line.held) .. "," .. text(line.booked) .. "," .. text(line.unpriced + (line.corrected and 2 or 0)) .. "]"
  end
  return "[" .. table.concat(found, ",") .. "]"
end

-- What many attempts put into a key, or take out of it, is one command, or one for each thousand arguments.
local begun, ended, opened, closed, called, started = {}, {}, {}, {}, {}, {}
local joined, left, working = {}, {}, {}

local function call_with_many(command, name, arguments)
  for first = 1, #arguments, 1000 do
    redis.call(command, name, unpack(arguments, first, math.min(first + 999, #arguments)))
  end
end

local function add(list, member, score)
  if score then list[#list + 1] = score end
  list[#list + 1] = member
end

local function list_of(lists, process)
  working[process] = true
  if not lists[process] then lists[process] = {} end
  return lists[process]
end

local function write_keys()
  call_with_many("ZADD", key("inflight"), begun)
  call_with_many("ZREM", key("inflight"), ended)
  call_with_many("SADD", key("open"), opened)
  call_with_many("SREM", key("open"), closed)
  call_with_many("ZADD", key("calls"), called)
  call_with_many("ZADD", key("started"), started)
  for process, ids in pairs(joined) do call_with_many("SADD", key("process", process), ids) end
  for process, ids in pairs(left) do call_with_many("SREM", key("process", process), ids) end
  for process in pairs(working) do
    local some = redis.call("EXISTS", key("process", process)) == 1
    redis.call(some and "SADD" or "SREM", key("working"), process)
  end
end

local function write_attempt(t)
  local fields = {"state", t.state, "started", text(t.started), "lines_text", lines_text(t)}
  local n = #fields
  for _, name in ipairs(t.was and TOLD or ALL) do
    if t[name] then
      fields[n + 1], fields[n + 2] = name, t[name]
      n = n + 2
    end
  end
  if not t.was then
    fields[n + 1], fields[n + 2], fields[n + 3], fields[n + 4] = "reserved", text(t.reserved), "expires", text(t.expires)
  end
  redis.call("HSET", ATTEMPT .. t.id, unpack(fields))
  if t.was and t.record and not t.currency then redis.call("HDEL", ATTEMPT .. t.id, "currency") end
  if t.state ~= t.was then
    if t.state == OPEN then
      add(begun, t.id, text(t.expires))
      add(list_of(joined, t.process), t.id)
    elseif t.was == OPEN then
      add(ended, t.id)
      add(list_of(left, t.process), t.id)
    end
    if is_open(t) and not was_open(t) then
      add(opened, t.id)
    elseif was_open(t) and not is_open(t) then
      add(closed, t.id)
    end
    if not t.was and t.call then add(called, t.call .. "\0" .. t.id, "0") end
  end
  if not is_open(t) then add(started, t.id, text(t.started)) end
end

local function write_account(a)
  local fields = {"budget", a.budget, "key", a.key, "window", a.window, "settled", text(a.settled), "held",
                  text(a.held), "kept", text(a.kept), "unpriced", text(a.unpriced)}
  local gone = {}
  for name, nanos in pairs(a.owed) do
    if nanos == 0 then
      gone[#gone + 1] = "@" .. name
    else
      fields[#fields + 1] = "@" .. name
      fields[#fields + 1] = text(nanos)
    end
  end
  redis.call("HSET", key("account", a.id), unpack(fields))
  if #gone > 0 then redis.call("HDEL", key("account", a.id), unpack(gone)) end
end

local function write_back()
  for _, t in pairs(attempts) do
    if t and t.changed then write_attempt(t) end
  end
  write_keys()
  for _, a in ipairs(fresh) do
    redis.call("HSET", a.window_key, a.key, a.id)
  end
  if next_account then redis.call("HSET", KEYS[1], "accounts", text(next_account)) end
  for _, a in pairs(accounts) do
    if a.moved then write_account(a) end
  end
  call_with_many("RPUSH", key("entries"), entries)
  for name, provider in pairs(providers) do
    if provider.changed then
      redis.call("HSET", key("providers"), name, cjson.encode({
        text(provider.answered), text(provider.silent), text(provider.doubted), text(provider.probes)}))
    end
  end
end
