-- Walks one sorted index from a cursor and returns the jobs that pass the filters. Where too few of them pass, the rest
-- is looked for in the index that narrows the query most.
-- ARGV: query as JSON (scope, sort_by, descending, limit, scan, most, name_contains, status, *_ms, after {status, created_ms, name}),
--       then the names of the fields wanted.
-- Returns {rows {name, field...}..., cursor or false}: the cursor is set when the scan limit was met before the end.
local query = cjson.decode(ARGV[1])
local fields = {}
for i = 2, #ARGV do fields[#fields + 1] = ARGV[i] end
local rows, scanned, after = {}, 0, query.after
local by_name, by_status = query.sort_by == 'Name', query.sort_by == 'Status'
local CREATED, NAMES = created_key(query.scope), names_key(query.scope)

local function at_most(value, limit) return limit == nil or value <= limit end
local function at_least(value, limit) return limit == nil or value >= limit end

-- Bytewise, as the indexes are ordered; Lua's own < follows the server's locale.
local function before(a, b)
  for i = 1, math.min(#a, #b) do
    local x, y = a:byte(i), b:byte(i)
    if x ~= y then return x < y end
  end
  return #a < #b
end

local function add_row(name)
  local row = redis.call('HMGET', job_key(query.scope .. ':' .. name), unpack(fields))
  table.insert(row, 1, name)
  rows[#rows + 1] = row
end

local function wanted(name, created)
  if query.name_contains ~= '' and not name:find(query.name_contains, 1, true) then return false end
  if not (at_least(created, query.created_after_ms) and at_most(created, query.created_before_ms)) then return false end
  if query.status and not redis.call('ZSCORE', status_key(query.scope, query.status), name) then return false end
  if not (query.modified_after_ms or query.modified_before_ms) then return true end
  local modified = tonumber(redis.call('HGET', job_key(query.scope .. ':' .. name), 'modified_ms'))
  return at_least(modified, query.modified_after_ms) and at_most(modified, query.modified_before_ms)
end

-- Position in the index of the first job behind the cursor. The cursor's own job need not exist any more.
local function first_rank(key)
  if by_name then
    if not after then return 0 end
    if query.descending then return redis.call('ZLEXCOUNT', key, '[' .. after[3], '+') end
    return redis.call('ZLEXCOUNT', key, '-', '[' .. after[3])
  end
  if query.descending then
    local top = after and after[2] or query.created_before_ms
    return top and redis.call('ZCOUNT', key, '(' .. int(top), '+inf') or 0
  end
  local bottom = math.max(after and after[2] or 0, query.created_after_ms or 0)
  return redis.call('ZCOUNT', key, '-inf', '(' .. int(bottom))
end

local function shown(name, created)
  if by_name or not after or created ~= after[2] then return false end
  if query.descending then return not before(name, after[3]) end
  return not before(after[3], name)
end

local function past_the_end(created)
  if query.descending then return not at_least(created, query.created_after_ms) end
  return not at_most(created, query.created_before_ms)
end

-- Returns true when the whole index was walked, false when a limit was met.
local function walk(key, status)
  local rank, command = first_rank(key), query.descending and 'ZREVRANGE' or 'ZRANGE'
  while true do
    local chunk = redis.call(command, key, rank, rank + 199, 'WITHSCORES')
    for i = 1, #chunk, 2 do
      local name = chunk[i]
      local created = tonumber(by_name and redis.call('ZSCORE', CREATED, name) or chunk[i + 1])
      if not by_name and past_the_end(created) then return true end
      if not shown(name, created) then
        scanned = scanned + 1
        if wanted(name, created) then add_row(name) end
        if #rows >= query.limit or scanned >= query.scan then
          query.cursor = { status, int(created), name }
          return false
        end
      end
    end
    if #chunk < 400 then return true end
    rank = rank + 200
  end
end

local function walk_by_status()
  local order = { 'COMPLETED', 'FAILED', 'INPROGRESS', 'STARTING', 'STOPPED', 'STOPPING' }
  if query.descending then table.sort(order, function(a, b) return a > b end) end
  local begun = not after
  for _, status in ipairs(order) do
    if not begun and status == query.after[1] then
      begun = true
      if not walk(status_key(query.scope, status), status) then return false end
      after = nil
    elseif begun then
      if not walk(status_key(query.scope, status), status) then return false end
    end
  end
  return true
end

-- All names in one text, in no time searched; made anew when there is none. See add.lua and delete.lua.
local function all_names()
  if redis.call('EXISTS', NAMES) == 0 then
    local names = redis.call('ZRANGE', CREATED, 0, -1)
    redis.call('SET', NAMES, '\n' .. table.concat(names, '\n') .. '\n')
  end
  return redis.call('GET', NAMES)
end

-- Names with the text asked for, deleted ones among them; nil when they are more than `most`.
local function named_alike()
  local text, names, seen, count, at = all_names(), {}, {}, 0, 1
  while true do
    local from, to = text:find(query.name_contains, at, true)
    if not from then return names end
    while text:byte(from - 1) ~= 10 do from = from - 1 end
    at = text:find('\n', to, true)
    local name = text:sub(from, at - 1)
    if not seen[name] then
      seen[name], count = true, count + 1
      names[count] = name
      if count > query.most then return nil end
    end
  end
end

-- Names among which all jobs are that pass the filters; nil when no index narrows them down to `most`.
local function candidates()
  local best, fewest
  local function try(key, low, high)
    low, high = low and int(low) or '-inf', high and int(high) or '+inf'
    local count = redis.call('ZCOUNT', key, low, high)
    if count <= (fewest or query.most) then best, fewest = { key, low, high }, count end
  end
  if query.status then try(status_key(query.scope, query.status)) end
  if query.created_after_ms or query.created_before_ms then try(CREATED, query.created_after_ms, query.created_before_ms) end
  local complete = redis.call('ZCARD', modified_key(query.scope)) == redis.call('ZCARD', CREATED) -- not in older data
  if complete and (query.modified_after_ms or query.modified_before_ms) then
    try(modified_key(query.scope), query.modified_after_ms, query.modified_before_ms)
  end
  if best then return redis.call('ZRANGEBYSCORE', unpack(best)) end
  return query.name_contains ~= '' and named_alike() or nil
end

local function in_order(a, b) -- {status or '', created or 0, name}
  if a[1] ~= b[1] then return before(a[1], b[1]) end
  if a[2] ~= b[2] then return a[2] < b[2] end
  return before(a[3], b[3])
end

-- Adds the rows behind the cursor that are among `names`.
local function search(names, cursor)
  local last = { by_status and cursor[1] or '', by_name and 0 or tonumber(cursor[2]), cursor[3] }
  local found = {}
  for _, name in ipairs(names) do
    local created = tonumber(redis.call('ZSCORE', CREATED, name))
    if created and wanted(name, created) then
      local place = { by_status and status_of(query.scope .. ':' .. name) or '', by_name and 0 or created, name }
      local behind = in_order(last, place)
      if query.descending then behind = in_order(place, last) end
      if behind then found[#found + 1] = place end
    end
  end
  table.sort(found, query.descending and function(a, b) return in_order(b, a) end or in_order)
  for _, place in ipairs(found) do
    if #rows >= query.limit then return end
    add_row(place[3])
  end
end

local done
if by_name then
  done = walk(name_key(query.scope), '')
elseif by_status and not query.status then
  done = walk_by_status()
else
  done = walk(query.status and status_key(query.scope, query.status) or CREATED, query.status or '')
end
if not done and #rows < query.limit then
  local names = candidates()
  if names then
    search(names, query.cursor)
    done = true
  end
end
if done then return { rows, false } end
return { rows, query.cursor }
