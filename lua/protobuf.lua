-- protobuf: messages of Protocol Buffers as tables (https://protobuf.dev/programming-guides/encoding), by the types of a
-- descriptor set as `protoc --include_imports --descriptor_set_out=FILE` writes it. A descriptor set is a message, too: it
-- is read with the types at the end of this file. Only types that are asked for, and those they use, are made.
--
-- What bytes may cost is bounded by `left` values, defaults included, and 100 messages in each other. What is wrong with
-- them is told (decode); what is wrong with a script's table is raised, without a position (encode).

local keys = ...
local byte, char, sub, pack, unpack, concat = string.byte, string.char, string.sub, string.pack, string.unpack, table.concat
local type, pairs, error, pcall, tointeger = type, pairs, error, pcall, math.tointeger

local VALUES_MAX, DEPTH_MAX = 1 << 20, 100
local BROKEN = { why = "its fields are broken, or cut off" }
local MANY = { why = "it has more than " .. VALUES_MAX .. " values" }
local DEEP = { why = "it is nested deeper than " .. DEPTH_MAX }

-- ---- kinds of fields, by the numbers that descriptors give them ----

local function int32(v) return ((v & 0xffffffff) ~ 0x80000000) - 0x80000000 end
local function zigzag(v) return v >> 1 ~ -(v & 1) end
local VARINT, I64, LEN, GROUP, END_GROUP, I32 = 0, 1, 2, 3, 4, 5
local MESSAGE, ENUM = 11, 14
-- wire; format of string.pack, none for varints; from(v), to(v): the value of a varint, and back; min, max: unless 64 bits
local KINDS = {
    [1] = { wire = I64, format = "<d", bytes = 8, default = 0.0, float = true }, -- double
    [2] = { wire = I32, format = "<f", bytes = 4, default = 0.0, float = true }, -- float
    [3] = { wire = VARINT, default = 0 }, -- int64
    [4] = { wire = VARINT, default = 0 }, -- uint64: beyond 2^63 a negative integer of the same bits
    [5] = { wire = VARINT, from = int32, min = -0x80000000, max = 0x7fffffff, default = 0 }, -- int32
    [6] = { wire = I64, format = "<i8", bytes = 8, default = 0 }, -- fixed64, likewise
    [7] = { wire = I32, format = "<I4", bytes = 4, min = 0, max = 0xffffffff, default = 0 }, -- fixed32
    [8] = { wire = VARINT, from = function(v) return v ~= 0 end, bool = true, default = false }, -- bool
    [9] = { wire = LEN, default = "" }, -- string
    [MESSAGE] = { wire = LEN },
    [12] = { wire = LEN, default = "" }, -- bytes
    [13] = { wire = VARINT, from = function(v) return v & 0xffffffff end, min = 0, max = 0xffffffff, default = 0 }, -- uint32
    [ENUM] = { wire = VARINT, min = -0x80000000, max = 0x7fffffff },
    [15] = { wire = I32, format = "<i4", bytes = 4, min = -0x80000000, max = 0x7fffffff, default = 0 }, -- sfixed32
    [16] = { wire = I64, format = "<i8", bytes = 8, default = 0 }, -- sfixed64
    [17] = { wire = VARINT, from = function(v) return int32(zigzag(v & 0xffffffff)) end, min = -0x80000000, max = 0x7fffffff,
        default = 0 }, -- sint32
    [18] = { wire = VARINT, from = zigzag, default = 0 }, -- sint64
}

local function to_zigzag(v) return v << 1 ~ (v < 0 and -1 or 0) end
KINDS[17].to, KINDS[18].to = to_zigzag, to_zigzag

-- ---- from bytes ----

local left -- values that the running decode may still make

local function spend(values)
    left = left - values
    if left < 0 then error(MANY) end
end

local function read_varint(s, at)
    local b = byte(s, at)
    if not b then error(BROKEN) end
    if b < 128 then return b, at + 1 end
    local value, shift = b & 127, 7
    repeat
        at = at + 1
        b = byte(s, at)
        if not b or shift > 63 then error(BROKEN) end
        value, shift = value | (b & 127) << shift, shift + 7
    until b < 128
    return value, at + 1
end

-- Where the bytes that begin with their length begin and end; not behind `stop`.
local function read_length(s, at, stop)
    local len
    len, at = read_varint(s, at)
    if len < 0 or len > stop - at + 1 then error(BROKEN) end
    return at, at + len - 1
end

-- The place behind a field that nobody knows, whose tag was read.
local function skip(s, at, stop, tag, depth)
    local wire = tag & 7
    if wire == VARINT then
        local _
        _, at = read_varint(s, at)
    elseif wire == LEN then
        local _, last = read_length(s, at, stop)
        at = last + 1
    elseif wire == I64 or wire == I32 then
        at = at + (wire == I64 and 8 or 4)
    elseif wire == GROUP and depth < DEPTH_MAX then
        local inner
        repeat
            if at > stop then error(BROKEN) end
            inner, at = read_varint(s, at)
            if inner & 7 ~= END_GROUP then at = skip(s, at, stop, inner, depth + 1) end
        until inner & 7 == END_GROUP
        if inner >> 3 ~= tag >> 3 then error(BROKEN) end
    else
        error(BROKEN)
    end
    return at
end

local function read_scalar(f, s, at)
    local kind = f.kind
    if kind.format then
        if at + kind.bytes - 1 > #s then error(BROKEN) end
        return unpack(kind.format, s, at)
    end
    local v
    v, at = read_varint(s, at)
    if f.enum then
        v = int32(v)
        return f.enum.names[v] or v, at
    end
    return kind.from and kind.from(v) or not kind.from and v, at
end

local read_message

-- The value of field f, of a message or text, at `at` to `last`, into the table.
local function read_piece(f, t, s, at, last, depth)
    local name, m = f.name, f.message
    if f.map then
        local entry = read_message(m, {}, s, at, last, depth + 1)
        t[name][entry.key] = entry.value
    elseif f.repeated then
        local list = t[name]
        list[#list + 1] = m and read_message(m, {}, s, at, last, depth + 1) or not m and sub(s, at, last)
    elseif m and t[name] then -- a message that comes in parts
        read_message(m, t[name], s, at, last, depth + 1)
    else
        t[name] = m and read_message(m, {}, s, at, last, depth + 1) or not m and sub(s, at, last)
    end
end

local function read_packed(f, list, s, at, last)
    while at <= last do
        spend(1)
        list[#list + 1], at = read_scalar(f, s, at)
    end
    return at
end

-- Of a oneof the newest that came is there.
local function clear_others(f, t)
    for _, other in ipairs(f.oneof) do
        if other ~= f then t[other.name] = nil end
    end
end

-- Bytes `at` to `stop` of s, into the table, which is returned.
function read_message(m, t, s, at, stop, depth)
    if depth > DEPTH_MAX then error(DEEP) end
    local defaults, by_number = m.defaults, m.by_number
    spend(#defaults + 1)
    for i = 1, #defaults do
        local f = defaults[i]
        if t[f.name] == nil then
            t[f.name] = f.repeated and {} or f.default_message and read_message(f.message, {}, "", 1, 0, depth + 1)
                or f.default
        end
    end
    local tag
    while at <= stop do
        tag = byte(s, at)
        if tag < 128 then at = at + 1 else tag, at = read_varint(s, at) end
        local f, wire = by_number[tag >> 3], tag & 7
        if f and f.oneof then clear_others(f, t) end
        if tag >> 3 == 0 then
            error(BROKEN)
        elseif f and wire == LEN and f.kind.wire == LEN then
            local first, last = read_length(s, at, stop)
            spend(1)
            read_piece(f, t, s, first, last, depth)
            at = last + 1
        elseif f and wire == LEN and f.repeated then
            local first, last = read_length(s, at, stop)
            at = read_packed(f, t[f.name], s, first, last)
            if at ~= last + 1 then error(BROKEN) end
        elseif f and wire == f.kind.wire then
            spend(1)
            if f.repeated then
                local list = t[f.name]
                list[#list + 1], at = read_scalar(f, s, at)
            else
                t[f.name], at = read_scalar(f, s, at)
            end
        else
            at = skip(s, at, stop, tag, depth)
        end
    end
    if at ~= stop + 1 then error(BROKEN) end
    return t
end

local function decode(m, s, at, values)
    left = values
    local ok, result = pcall(read_message, m, {}, s, at, #s, 1)
    if ok then return result end
    if type(result) == "table" and result.why then return nil, result.why end
    error(result, 0)
end

-- ---- to bytes ----

local function write_varint(v)
    if v >= 0 and v < 128 then return char(v) end
    local bytes, n = {}, 0
    repeat
        n = n + 1
        bytes[n], v = char(v & 127 | (v >> 7 ~= 0 and 128 or 0)), v >> 7
    until v == 0
    return concat(bytes)
end

local function refuse(m, f, expected, v)
    error(("%s.%s: %s is expected, not %s"):format(m.name, f.name, expected,
        type(v) == "number" and tostring(v) or type(v) == "string" and "'" .. v:sub(1, 60) .. "'" or "a " .. type(v)), 0)
end

local function whole(m, f, v)
    local kind, n = f.kind, type(v) == "number" and tointeger(v) or nil
    if not n then refuse(m, f, "a whole number", v) end
    if kind.min and (n < kind.min or n > kind.max) then
        refuse(m, f, ("a number from %d to %d"):format(kind.min, kind.max), v)
    end
    return n
end

local function number_of_enum(m, f, v)
    if type(v) ~= "string" then return whole(m, f, v) end
    local number = f.enum.numbers[v]
    if not number then
        local names = {}
        for name in pairs(f.enum.numbers) do names[#names + 1] = name end
        table.sort(names)
        error(("%s.%s: %s has no value '%s'%s"):format(m.name, f.name, f.enum.name, v, keys.did_you_mean(v, names) or ""), 0)
    end
    return number
end

local write_message

local function write_value(m, f, v, depth)
    local kind = f.kind
    if f.message then
        local inner = write_message(f.message, v, depth + 1, m, f)
        return write_varint(#inner) .. inner
    elseif kind.wire == LEN then
        if type(v) ~= "string" then refuse(m, f, "a string", v) end
        return write_varint(#v) .. v
    elseif kind.bool then
        if type(v) ~= "boolean" then refuse(m, f, "true or false", v) end
        return v and "\1" or "\0"
    elseif kind.float then
        if type(v) ~= "number" then refuse(m, f, "a number", v) end
        return pack(kind.format, v)
    end
    local n = f.enum and number_of_enum(m, f, v) or whole(m, f, v)
    return kind.format and pack(kind.format, n) or write_varint(kind.to and kind.to(n) or n)
end

local function write_list(m, f, list, out, depth)
    local packed = {}
    for i = 1, #list do
        if f.packed then
            packed[i] = write_value(m, f, list[i], depth)
        else
            out[#out + 1] = f.tag .. write_value(m, f, list[i], depth)
        end
    end
    local bytes = concat(packed)
    if #bytes > 0 then out[#out + 1] = f.tag .. write_varint(#bytes) .. bytes end
end

local function write_field(m, f, v, out, depth)
    if f.repeated and type(v) ~= "table" then refuse(m, f, f.map and "a table" or "a list", v) end
    if f.map then
        for key, value in pairs(v) do
            local entry = write_message(f.message, { key = key, value = value }, depth + 1)
            out[#out + 1] = f.tag .. write_varint(#entry) .. entry
        end
    elseif f.repeated then
        write_list(m, f, v, out, depth)
    else
        out[#out + 1] = f.tag .. write_value(m, f, v, depth)
    end
end

-- `outer` and `field`: where it stands, for messages; nil: nowhere.
function write_message(m, t, depth, outer, field)
    if type(t) ~= "table" then
        if outer then refuse(outer, field, "a table", t) end
        error(("%s: a table is expected, not a %s"):format(m.name, type(t)), 0)
    end
    if depth > DEPTH_MAX then error(m.name .. ": " .. DEEP.why, 0) end
    for key in pairs(t) do
        if not m.by_name[key] then keys.check(t, m.name, m.names) end
    end
    local out, chosen = {}, nil
    for i = 1, #m.fields do
        local f = m.fields[i]
        local v = t[f.name]
        if v ~= nil and (f.presence or f.repeated or v ~= f.default) then -- a default is what is not sent
            if f.oneof then
                chosen = chosen or {}
                local other = chosen[f.oneof]
                if other then
                    error(("%s: %s and %s are of one oneof: give one of them"):format(m.name, other, f.name), 0)
                end
                chosen[f.oneof] = f.name
            end
            write_field(m, f, v, out, depth)
        end
    end
    return concat(out)
end

-- ---- types out of descriptors ----

local REPEATED = 3

local function enum_of(d, name)
    local e = { name = name, numbers = {}, names = {} }
    for _, v in ipairs(d.value) do
        local number, label = v.number or 0, v.name or ""
        e.numbers[label] = number
        e.names[number] = e.names[number] or label -- of aliases the first
    end
    return e, d.value[1] and d.value[1].name
end

-- A function that gives the type of a name, ".package.Type": made when it is asked for first. `found`: descriptors by name.
local function maker(found)
    local made, message_of = {}, nil

    local function type_of(name)
        local entry = found[name or ""]
        if not entry then error(("it has no type %s: was it made without --include_imports?"):format(tostring(name)), 0) end
        if not made[name] then
            made[name] = {}
            if entry.enum then
                made[name], entry.first = enum_of(entry.descriptor, name:sub(2))
            else
                message_of(made[name], entry, name:sub(2))
            end
        end
        return made[name], entry
    end

    local function field_of(d, entry)
        local kind, repeated, options = KINDS[d.type], d.label == REPEATED, d.options or {}
        local f = { name = d.name, kind = kind, repeated = repeated, default = kind.default, number = d.number }
        if d.type == MESSAGE or d.type == ENUM then
            local named, of = type_of(d.type_name)
            if (d.type == ENUM) ~= (of.enum == true) then
                error(d.type_name .. ": it is an enum here, and a message there", 0)
            end
            if of.enum then
                f.enum, f.default = named, of.first
            else
                f.message, f.default_message = named, entry.map
                f.map = repeated and of.map and named.by_name.key and named.by_name.value and true
            end
        end
        if options.packed ~= nil then f.packed = options.packed else f.packed = entry.proto3 end
        f.packed = f.packed and repeated and kind.wire ~= LEN
        f.tag = write_varint(d.number << 3 | (f.packed and LEN or kind.wire))
        f.presence = not repeated and not entry.map and (not entry.proto3 or d.type == MESSAGE or d.oneof_index ~= nil)
        return f
    end

    function message_of(m, entry, name)
        m.name, m.fields, m.by_name, m.by_number, m.names, m.defaults = name, {}, {}, {}, {}, {}
        local oneofs = {}
        for _, d in ipairs(entry.descriptor.field) do
            if KINDS[d.type] and d.name and d.number then -- a group of proto2 is passed over
                local f = field_of(d, entry)
                if d.oneof_index then
                    oneofs[d.oneof_index] = oneofs[d.oneof_index] or {}
                    f.oneof = oneofs[d.oneof_index]
                    table.insert(f.oneof, f)
                end
                table.insert(m.fields, f)
                table.insert(m.names, f.name)
                m.by_name[f.name], m.by_number[f.number] = f, f
                if not f.presence then table.insert(m.defaults, f) end
            end
        end
        table.sort(m.fields, function(a, b) return a.number < b.number end)
    end

    return type_of
end

-- Types of google/protobuf/descriptor.proto, and of their fields those of use here: name = number, kind, label, type.
local DESCRIPTOR = {
    FileDescriptorSet = { file = { 1, 11, 3, "File" } },
    File = { name = { 1, 9 }, package = { 2, 9 }, message_type = { 4, 11, 3, "Message" }, enum_type = { 5, 11, 3, "Enum" },
        service = { 6, 11, 3, "Service" }, syntax = { 12, 9 } },
    Message = { name = { 1, 9 }, field = { 2, 11, 3, "Field" }, nested_type = { 3, 11, 3, "Message" },
        enum_type = { 4, 11, 3, "Enum" }, options = { 7, 11, 1, "MessageOptions" } },
    MessageOptions = { map_entry = { 7, 8 } },
    Field = { name = { 1, 9 }, number = { 3, 5 }, label = { 4, 5 }, type = { 5, 5 }, type_name = { 6, 9 },
        options = { 8, 11, 1, "FieldOptions" }, oneof_index = { 9, 5 } },
    FieldOptions = { packed = { 2, 8 } },
    Enum = { name = { 1, 9 }, value = { 2, 11, 3, "EnumValue" } },
    EnumValue = { name = { 1, 9 }, number = { 2, 5 } },
    Service = { name = { 1, 9 }, method = { 2, 11, 3, "Method" } },
    Method = { name = { 1, 9 }, input_type = { 2, 9 }, output_type = { 3, 9 }, client_streaming = { 5, 8 },
        server_streaming = { 6, 8 } },
}

local function descriptor_set_type()
    local found = {}
    for name, fields in pairs(DESCRIPTOR) do
        local list = {}
        for field, d in pairs(fields) do
            list[#list + 1] = { name = field, number = d[1], type = d[2], label = d[3], type_name = d[4] }
        end
        found[name] = { descriptor = { field = list } }
    end
    return maker(found)("FileDescriptorSet")
end

local function collect(scope, d, proto3, found)
    for _, message in ipairs(d.message_type or d.nested_type) do
        local name = scope .. "." .. (message.name or "")
        found[name] = { descriptor = message, proto3 = proto3, map = message.options and message.options.map_entry }
        collect(name, message, proto3, found)
    end
    for _, enum in ipairs(d.enum_type) do
        found[scope .. "." .. (enum.name or "")] = { descriptor = enum, enum = true }
    end
end

local protobuf = {}

-- Reads a descriptor set: a function that gives the type of a name, ".package.Type", and its services by their names,
-- each a list of methods as descriptors have them. Raises what is wrong, without a position.
function protobuf.schema(bytes)
    local set, why = decode(descriptor_set_type(), bytes, 1, 16 * VALUES_MAX)
    if not set or #set.file == 0 then error("it is no descriptor set: " .. (why or "no file is in it"), 0) end
    local found, services = {}, {}
    for _, file in ipairs(set.file) do
        local syntax, scope = file.syntax or "proto2", (file.package or "") ~= "" and "." .. file.package or ""
        if syntax ~= "proto2" and syntax ~= "proto3" then
            error(("%s: syntax proto2 and proto3 can be read, not %s"):format(file.name, syntax), 0)
        end
        collect(scope, file, syntax == "proto3", found)
        for _, service in ipairs(file.service) do
            services[(scope .. "." .. (service.name or "")):sub(2)] = service.method
        end
    end
    local type_of = maker(found)
    return function(name)
        local m, entry = type_of(name)
        if entry.enum then error(name .. ": it is an enum, and no message", 0) end
        return m
    end, services
end

-- (type, table): bytes. Raises what is wrong with the table.
function protobuf.encode(m, t) return write_message(m, t, 1) end

-- (type, text, place of the first byte): a table; or nil, and why not.
function protobuf.decode(m, s, at) return decode(m, s, at, VALUES_MAX) end

return protobuf
