-- Tests of lua/protobuf.lua, by name: (library, bytes of peer.pb). The bytes of VECTORS are those of Google's own library.
local protobuf, peer = ...
local tests = {}

local type_of, services = protobuf.schema(peer)
local Everything, Words = type_of(".pelt.peer.Everything"), type_of(".pelt.peer.Words")

local function hex(bytes) return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end)) end
local function unhex(text) return (text:gsub("%x%x", function(h) return string.char(tonumber(h, 16)) end)) end

local function show(v)
    if type(v) ~= "table" then return math.type(v) and ("%s:%s"):format(math.type(v), v) or ("%q"):format(tostring(v)) end
    local list = {}
    for key, value in pairs(v) do list[#list + 1] = ("%s=%s"):format(show(key), show(value)) end
    table.sort(list)
    return "{" .. table.concat(list, ",") .. "}"
end

local function equal(got, expected)
    if show(got) ~= show(expected) then error(("got      %s\nexpected %s"):format(show(got), show(expected)), 2) end
end

local function with(m)
    return function(values)
        local t = protobuf.decode(m, "", 1)
        for key, value in pairs(values) do t[key] = value end
        return t
    end
end
local ALL, WORDS = with(Everything), with(Words)

local VECTORS = {
    { "09000000000000f83f", { double_value = 1.5 } },
    { "09000000000000f0ff", { double_value = -math.huge } },
    { "15000010c0", { float_value = -2.25 } },
    { "18ffffffff07", { int32_value = 2147483647 } },
    { "18ffffffffffffffffff01", { int32_value = -1 } },
    { "2080808080808080808001", { int64_value = math.mininteger } },
    { "20ffffffffffffffff7f", { int64_value = math.maxinteger } },
    { "28ffffffff0f", { uint32_value = 4294967295 } },
    { "30ffffffffffffffffff01", { uint64_value = -1 } },
    { "38ffffffff0f", { sint32_value = -2147483648 } },
    { "38d804", { sint32_value = 300 } },
    { "40ffffffffffffffffff01", { sint64_value = math.mininteger } },
    { "40feffffffffffffffff01", { sint64_value = math.maxinteger } },
    { "4dffffffff", { fixed32_value = 4294967295 } },
    { "51feffffffffffffff", { fixed64_value = -2 } },
    { "5dfdffffff", { sfixed32_value = -3 } },
    { "61fcffffffffffffff", { sfixed64_value = -4 } },
    { "6801", { bool_value = true } },
    { "72046800c3bc", { string_value = "h\0\u{fc}" } },
    { "7a02ff00", { bytes_value = "\xff\0" } },
    { "8001fbffffffffffffffff01", { colour = "BLUE" } },
    { "800107", { colour = 7 } },
    { "8a01058a01021803", { nested = ALL { nested = ALL { int32_value = 3 } } } },
    { "92010d01ffffffffffffffffff01ac02", { packed = { 1, -1, 300 } } },
    { "98010998010a", { unpacked = { -5, 5 } } },
    { "a2010161a20100", { strings = { "a", "" } } },
    { "aa01030a016daa0100", { messages = { WORDS { text = "m" }, WORDS {} } } },
    { "b2010e0a016110feffffffffffffffff01", { by_name = { a = -2 } } },
    { "ba011008f8ffffffffffffffff0112030a0178", { by_number = { [-8] = WORDS { text = "x" } } } },
    { "c2010408011001", { by_flag = { [true] = "RED" } } },
    { "ca0100", { text = "" } },
    { "d00100", { number = 0 } },
    { "da0100", { words = WORDS {} } },
    { "e00100", { maybe = 0 } },
    { "ea010408051006", { at = { seconds = 5, nanos = 6 } } },
    { "f2010c01fbffffffffffffffff0100", { colours = { "RED", "BLUE", "NONE" } } },
    { "c23e10000000000000e03f9c7500883ce4377e", { doubles = { 0.5, 1e300 } } },
}

function tests.each_type_is_read_as_it_was_sent()
    for _, v in ipairs(VECTORS) do equal(protobuf.decode(Everything, unhex(v[1]), 1), ALL(v[2])) end
end

function tests.each_type_is_sent_as_others_send_it()
    for _, v in ipairs(VECTORS) do
        equal(hex(protobuf.encode(Everything, v[2])), v[1])
        equal(hex(protobuf.encode(Everything, ALL(v[2]))), v[1]) -- defaults are not sent
    end
end

function tests.what_is_absent_has_its_default_or_is_nil()
    local t = protobuf.decode(Everything, "", 1)
    equal({ t.double_value, t.int64_value, t.bool_value, t.string_value, t.bytes_value, t.colour, t.packed, t.by_name },
        { 0.0, 0, false, "", "", "NONE", {}, {} })
    equal({ t.nested == nil, t.text == nil, t.maybe == nil, t.at == nil }, { true, true, true, true })
end

function tests.both_forms_of_repeated_numbers_are_read()
    equal(protobuf.decode(Everything, unhex "9201020102900103", 1).packed, { 1, 2, 3 })
    equal(protobuf.decode(Everything, unhex "9a01020a099801029a0100", 1).unpacked, { 5, -5, 1 })
end

function tests.fields_that_nobody_knows_are_passed_over()
    -- 2000: a varint, 64 bits, a text, a group with a group in it, 32 bits; int32_value as a text; then text of Words
    local unknown = unhex "807d01" .. unhex "817d0102030405060708" .. unhex "827d0161" .. unhex "837d837d0801847d0801847d"
        .. unhex "857d01020304" .. unhex "120161"
    equal(protobuf.decode(Words, unknown .. unhex "0a0178", 1), WORDS { text = "x" })
end

function tests.of_a_oneof_the_newest_is_there()
    local t = protobuf.decode(Everything, unhex "ca010161d00105", 1)
    equal({ t.text == nil, t.number }, { true, 5 })
end

function tests.a_message_in_parts_is_one()
    local t = protobuf.decode(Everything, unhex "8a010218038a01022004", 1)
    equal({ t.nested.int32_value, t.nested.int64_value }, { 3, 4 })
end

function tests.an_entry_of_a_map_may_lack_both()
    equal(protobuf.decode(Everything, unhex "b20100ba0100", 1).by_name, { [""] = 0 })
    equal(protobuf.decode(Everything, unhex "ba0100", 1).by_number, { [0] = WORDS {} })
end

function tests.every_cut_is_refused_or_a_shorter_message()
    for _, v in ipairs(VECTORS) do
        local bytes = unhex(v[1])
        for len = 1, #bytes - 1 do
            local t, why = protobuf.decode(Everything, bytes:sub(1, len), 1)
            assert(t and why == nil or why == "its fields are broken, or cut off", why)
        end
    end
    for _, bytes in ipairs { "00", "07", "0c", "1affffffffffffffffff7f", "18ffffffffffffffffffff01", "837d", "837d8c7d", "8a01ffffffff0f" } do
        equal(select(2, protobuf.decode(Everything, unhex(bytes), 1)), "its fields are broken, or cut off")
    end
end

function tests.what_would_cost_too_much_is_refused()
    local deep = ""
    for _ = 1, 100 do deep = "\x8a\x01" .. string.pack("B", #deep % 128 | 128) .. string.char(#deep >> 7) .. deep end
    equal(select(2, protobuf.decode(Everything, deep, 1)), "it is nested deeper than 100")
    local groups = ("\x83\x7d"):rep(200)
    equal(select(2, protobuf.decode(Everything, groups, 1)), "its fields are broken, or cut off")
    local many = ("\x8a\x01\x00"):rep(40000) -- parts of one message, each of which counts with its defaults
    equal(select(2, protobuf.decode(Everything, many, 1)), "it has more than 1048576 values")
    local cycle = {}
    cycle.nested = cycle
    local ok, why = pcall(protobuf.encode, Everything, cycle)
    equal({ ok, why }, { false, "pelt.peer.Everything: it is nested deeper than 100" })
end

function tests.a_wrong_table_is_told_by_type_and_field()
    local function refused(t, text)
        local ok, why = pcall(protobuf.encode, Everything, t)
        equal({ ok, why }, { false, text })
    end
    refused({ int32_value = 1 << 31 }, "pelt.peer.Everything.int32_value: a number from -2147483648 to 2147483647 is expected, not 2147483648")
    refused({ uint32_value = -1 }, "pelt.peer.Everything.uint32_value: a number from 0 to 4294967295 is expected, not -1")
    refused({ int64_value = 0.5 }, "pelt.peer.Everything.int64_value: a whole number is expected, not 0.5")
    refused({ int64_value = "1" }, "pelt.peer.Everything.int64_value: a whole number is expected, not '1'")
    refused({ string_value = 5 }, "pelt.peer.Everything.string_value: a string is expected, not 5")
    refused({ bool_value = 1 }, "pelt.peer.Everything.bool_value: true or false is expected, not 1")
    refused({ double_value = {} }, "pelt.peer.Everything.double_value: a number is expected, not a table")
    refused({ packed = 1 }, "pelt.peer.Everything.packed: a list is expected, not 1")
    refused({ by_name = "x" }, "pelt.peer.Everything.by_name: a table is expected, not 'x'")
    refused({ by_name = { 5 } }, "pelt.peer.Everything.ByNameEntry.key: a string is expected, not 1")
    refused({ nested = { maybe = {} } }, "pelt.peer.Everything.maybe: a whole number is expected, not a table")
    refused({ messages = { "m" } }, "pelt.peer.Everything.messages: a table is expected, not 'm'")
    refused({ text = "a", number = 1 }, "pelt.peer.Everything: text and number are of one oneof: give one of them")
    refused("text", "pelt.peer.Everything: a table is expected, not a string")
    local _, why = pcall(protobuf.encode, Everything, { colour = "GREEN" })
    assert(why:find("^pelt.peer.Everything.colour: pelt.peer.Colour has no value 'GREEN'"), why)
    _, why = pcall(protobuf.encode, Words, { txt = "a" })
    assert(why:find("^pelt.peer.Words: unknown key 'txt'"), why)
end

function tests.whole_floats_are_whole_numbers()
    equal(hex(protobuf.encode(Everything, { int32_value = 3.0 })), "1803")
end

function tests.services_have_their_methods()
    local names = {}
    for _, m in ipairs(services["pelt.peer.Peer"]) do
        names[#names + 1] = ("%s %s %s %s"):format(m.name, m.output_type, m.client_streaming or "-", m.server_streaming or "-")
    end
    equal(names, { "Say .pelt.peer.Words - -", "Echo .pelt.peer.Everything - -", "Count .pelt.peer.Number - true",
        "Collect .pelt.peer.Number true -" })
end

function tests.a_bad_descriptor_set_is_told()
    local function refused(bytes, pattern)
        local ok, why = pcall(function() local t = protobuf.schema(bytes) return t(".a.M") end)
        assert(not ok and why:find(pattern), tostring(why))
    end
    refused("", "^it is no descriptor set: no file is in it")
    refused("hello", "^it is no descriptor set: its fields are broken")
    refused(peer:sub(1, -5), "^it is no descriptor set: its fields are broken")
    local function file(...) return string.pack("s1", table.concat({ ... })):gsub("^", "\x0a") .. "" end
    refused(file("\x0a\x01f", "\x62\x08editions"), "^f: syntax proto2 and proto3 can be read, not editions")
    local field = "\x0a\x01x\x18\x01\x28\x0b\x32\x04.a.N" -- x = 1 of .a.N
    refused(file("\x12\x01a", "\x22", string.pack("s1", "\x0a\x01M\x12" .. string.pack("s1", field))),
        "^it has no type .a.N: was it made without %-%-include_imports%?")
    refused(file("\x12\x01a"), "^it has no type .a.M")
end

return tests
