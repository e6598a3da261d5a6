-- fanout: what becomes of messages that a server hands from one user to others: how long it takes, what is lost, comes twice,
-- or out of order. Who publishes puts a stamp anywhere into its message; who listens shows what it gets.
--
-- A stamp is "~pelt:ROOM:N:PUBLISHER:K:US~": the N-th of the room, the K-th of its publisher, the moment in microseconds of
-- the monotonic clock, which all users of a host share. A listener keeps the numbers it got for the last REMEMBERED ones.

local shared, tools, now = ...
local math, setmetatable = math, setmetatable

local metrics = {
    delivery = tools.own_metric("ws_delivery"),
    lost = tools.own_metric("ws_lost"),
    duplicate = tools.own_metric("ws_duplicate"),
    reordered = tools.own_metric("ws_reordered"),
}

local REMEMBERED = 10000
local STAMP = "~pelt:([%w_.-]+):(%d+):(%d+):(%d+):(%d+)~"

local room = {}
room.__index = room
room.__metatable = "pelt.ws.room"

local function publisher_of(self, user)
    local count = (self.published[user] or 0) + 1
    self.published[user] = count
    return count
end

-- What a listener knows: how many the room had when it joined, how many came, which, and the newest of each publisher.
local function listener_of(self, user)
    local it = self.listeners[user]
    if not it then
        it = { joined = self.count:get(), came = 0, seen = {}, oldest = 1, newest = 0, of = {} }
        self.listeners[user] = it
        metrics.duplicate:add(0, self.tags) -- so that a threshold can say that there were none
        metrics.reordered:add(0, self.tags)
    end
    return it
end

-- Text to be put into a message of the user, which is a new one each time.
function room:stamp(user)
    local k, n = publisher_of(self, user), self.count:add(1)
    return ("~pelt:%s:%d:%d:%d:%d~"):format(self.name, n, user.id, k, math.floor(now() * 1e6))
end

-- From now on the user is to get what is published.
function room:join(user)
    self.listeners[user] = nil
    listener_of(self, user)
end

local function remember(it, n)
    it.seen[n] = true
    it.newest = math.max(it.newest, n)
    while it.oldest < it.newest - REMEMBERED do
        it.seen[it.oldest] = nil
        it.oldest = it.oldest + 1
    end
end

-- The user got the message: the seconds since it was stamped, or nil, if it bears no stamp of the room.
function room:take(user, message)
    local name, n, publisher, k, us = message:match(STAMP)
    if name ~= self.name then return nil end
    local it = listener_of(self, user)
    n, k = math.tointeger(n), math.tointeger(k)
    local took = math.max(0, now() - us / 1e6)
    if n <= it.joined then return took end -- on its way when the user joined: not expected
    if it.seen[n] or n < it.oldest then
        metrics.duplicate:add(1, self.tags)
        return took
    end
    if it.newest == 0 then it.oldest = it.joined + 1 end
    remember(it, n)
    it.came = it.came + 1
    metrics.delivery:add(took, self.tags)
    if k < (it.of[publisher] or 0) then metrics.reordered:add(1, self.tags) else it.of[publisher] = k end
    return took
end

-- The user listens no longer: how many of those published since it joined never came.
function room:leave(user)
    local it = self.listeners[user]
    if not it then return 0 end
    self.listeners[user] = nil
    local lost = math.max(0, self.count:get() - it.joined - it.came)
    metrics.lost:add(lost, self.tags)
    return lost
end

-- The room of this name; call it where the file is loaded.
return function(name)
    if type(name) ~= "string" or not name:match("^[%w_.-]+$") then
        error("ws.fanout: a name of letters, digits, '_', '-' and '.' is expected", 2)
    end
    return setmetatable({
        name = name,
        tags = { name = name },
        count = shared.counter("pelt.ws.fanout " .. name),
        published = setmetatable({}, { __mode = "k" }),
        listeners = setmetatable({}, { __mode = "k" }),
    }, room)
end
