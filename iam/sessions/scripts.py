"""What Redis does in one step, so that no session outlives its end between two of them."""

# KEYS: session, index of its person (or none). ARGV: value, seconds to live, NX or XX,
# public id, last second, this second, seconds the index lives.
SAVE = """
if not redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2], ARGV[3]) then return 0 end
if KEYS[2] then
    redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[6])
    redis.call('ZADD', KEYS[2], ARGV[5], ARGV[4])
    redis.call('EXPIRE', KEYS[2], ARGV[7])
end
return 1
"""

# KEYS: session, its new name, index. ARGV: public id, new public id.
RENAME = """
if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('RENAME', KEYS[1], KEYS[2])
local last = redis.call('ZSCORE', KEYS[3], ARGV[1])
if last then
    redis.call('ZREM', KEYS[3], ARGV[1])
    redis.call('ZADD', KEYS[3], last, ARGV[2])
end
return 1
"""

# KEYS: session, index. ARGV: public id.
END_ONE = """
if redis.call('ZREM', KEYS[2], ARGV[1]) == 0 then return 0 end
return redis.call('DEL', KEYS[1])
"""

# KEYS: index. ARGV: what the names of sessions begin with, public id to keep.
END_ALL = """
local ended = 0
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
    if id ~= ARGV[2] then
        ended = ended + redis.call('DEL', ARGV[1] .. id)
        redis.call('ZREM', KEYS[1], id)
    end
end
return ended
"""
