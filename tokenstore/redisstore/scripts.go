package redisstore

// The scripts name every key that they touch, all in one slot. Times and scores pass
// through as text, because Lua would print a number with 14 digits. An expired key is
// absent for a script, by one clock from its beginning to its end.

// getScript returns the fields of a record, or nothing.
//
//	KEYS: record
const getScript = `
if redis.call('EXISTS', KEYS[1]) == 0 then
	return {}
end
return redis.call('HMGET', KEYS[1], 'value', 'version', 'due', 'expires')
`

// putScript writes a record and its member of the due set, if the record carries the old
// version or, sent a second time, already the new one. It returns 1, or 0 for a conflict.
// HSET comes first because it fails when Redis is full: then nothing has changed.
//
//	KEYS: record, due set
//	ARGV: old version, new version, value, due, expires, last millisecond before that, key
const putScript = `
local version = redis.call('HGET', KEYS[1], 'version') or ''
if version ~= ARGV[1] and version ~= ARGV[2] then
	return 0
end
redis.call('HSET', KEYS[1], 'version', ARGV[2], 'value', ARGV[3], 'due', ARGV[4], 'expires', ARGV[5])
if ARGV[4] == '' then
	redis.call('ZREM', KEYS[2], ARGV[7])
else
	redis.call('ZADD', KEYS[2], ARGV[4], ARGV[7])
end
if ARGV[6] == '' then
	redis.call('PERSIST', KEYS[1])
else
	redis.call('PEXPIREAT', KEYS[1], ARGV[6])
end
return 1
`

// deleteScript removes a record and its member of the due set, if it carries the version
// or none is given. It returns 1, or 0 for a conflict.
//
//	KEYS: record, due set
//	ARGV: version, key
const deleteScript = `
if ARGV[1] ~= '' and redis.call('HGET', KEYS[1], 'version') ~= ARGV[1] then
	return 0
end
redis.call('DEL', KEYS[1])
redis.call('ZREM', KEYS[2], ARGV[2])
return 1
`

// pageScript returns members of a due set and their scores, from behind a cursor in the
// order of (score, member). Redis can begin at a score but not between two members of one
// score, and the member of the cursor may be gone, so a binary search finds the position.
// Lua's own < on strings follows the locale of the server.
//
//	KEYS: due set
//	ARGV: highest score, score and member of the cursor or two empty ones, how many
const pageScript = `
local function behind(a, b)
	for i = 1, math.min(#a, #b) do
		local x, y = a:byte(i), b:byte(i)
		if x ~= y then
			return x > y
		end
	end
	return #a > #b
end

local first = 0
if ARGV[2] ~= '' then
	first = redis.call('ZCOUNT', KEYS[1], '-inf', '(' .. ARGV[2])
	local past = redis.call('ZCOUNT', KEYS[1], '-inf', ARGV[2])
	while first < past do
		local middle = math.floor((first + past) / 2)
		if behind(redis.call('ZRANGE', KEYS[1], middle, middle)[1], ARGV[3]) then
			past = middle
		else
			first = middle + 1
		end
	end
end
local past = math.min(redis.call('ZCOUNT', KEYS[1], '-inf', ARGV[1]), first + ARGV[4])
if first >= past then
	return {}
end
return redis.call('ZRANGE', KEYS[1], first, past - 1, 'WITHSCORES')
`

// existingScript returns those of the members that have a record, and drops the others: a
// record that expires leaves its member behind.
//
//	KEYS: due set, then the record of each member
//	ARGV: members
const existingScript = `
local existing = {}
for i, member in ipairs(ARGV) do
	if redis.call('EXISTS', KEYS[i + 1]) == 1 then
		existing[#existing + 1] = member
	else
		redis.call('ZREM', KEYS[1], member)
	end
end
return existing
`
