"""Compares CSIProto with Google's implementation of protobuf.

usage: differential.py DESCRIPTOR_SET ECHO_PROGRAM [COUNT [SEED]]

Two kinds of input, COUNT of each: messages that the other implementation serialises, which must come back byte for
byte; and messages made of raw fields, with unknown fields, groups, split, repeated and misplaced values and damage, on
which both must agree whether they are messages, and what they mean.
"""

import random
import struct
import subprocess
import sys

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import FieldDescriptor as F
from google.protobuf.message import DecodeError, Message
from google.protobuf.unknown_fields import UnknownFieldSet

NAME = "swift_csi.test.Everything"
INTS = {
    F.TYPE_INT32: (-(2**31), 2**31 - 1), F.TYPE_SINT32: (-(2**31), 2**31 - 1), F.TYPE_SFIXED32: (-(2**31), 2**31 - 1),
    F.TYPE_INT64: (-(2**63), 2**63 - 1), F.TYPE_SINT64: (-(2**63), 2**63 - 1), F.TYPE_SFIXED64: (-(2**63), 2**63 - 1),
    F.TYPE_UINT32: (0, 2**32 - 1), F.TYPE_FIXED32: (0, 2**32 - 1), F.TYPE_UINT64: (0, 2**64 - 1),
    F.TYPE_FIXED64: (0, 2**64 - 1), F.TYPE_ENUM: (-(2**31), 2**31 - 1),
}
VARINTS = {F.TYPE_INT32, F.TYPE_INT64, F.TYPE_UINT32, F.TYPE_UINT64, F.TYPE_SINT32, F.TYPE_SINT64, F.TYPE_BOOL, F.TYPE_ENUM}
FIXED32 = {F.TYPE_FIXED32, F.TYPE_SFIXED32, F.TYPE_FLOAT}
FIXED64 = {F.TYPE_FIXED64, F.TYPE_SFIXED64, F.TYPE_DOUBLE}


class Echo:
    """The program under test: a message in, the same message decoded and encoded out, or None when refused."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def __call__(self, data):
        self.process.stdin.write(struct.pack("<I", len(data)) + data)
        self.process.stdin.flush()
        prefix = self.process.stdout.read(4)
        if len(prefix) < 4:
            raise SystemExit(f"the echo program died on {data.hex()}")
        count = struct.unpack("<I", prefix)[0]
        return None if count == 0xFFFFFFFF else self.process.stdout.read(count)


def is_map(field):
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def is_repeated(field):
    repeated = getattr(field, "is_repeated", None)
    return field.label == F.LABEL_REPEATED if repeated is None else repeated


def scalar(rng, kind):
    if kind in INTS:
        low, high = INTS[kind]
        return rng.choice([0, 1, low, high, rng.randint(low, high), max(low, -1), rng.randint(0, 300)])
    if kind == F.TYPE_BOOL:
        return rng.random() < 0.5
    if kind == F.TYPE_FLOAT:
        return struct.unpack("<f", struct.pack("<f", rng.choice([0.0, -0.0, 1.5, -1e30, float("inf"), rng.random()])))[0]
    if kind == F.TYPE_DOUBLE:
        return rng.choice([0.0, -0.0, 1.5, -1e300, float("-inf"), rng.random()])
    if kind == F.TYPE_STRING:
        alphabet = rng.choice(["ab", "a\u00e9\u0301\u4e2d\U0001f600\0\n"])
        return "".join(rng.choice(alphabet) for _ in range(rng.choice([0, 1, 5, 15, 16, 17, 60, 70, 130])))
    return bytes(rng.randrange(256) for _ in range(rng.choice([0, 1, 5, 127, 128, 200])))


def fill(rng, message, depth):
    """Sets random fields of `message`."""
    fields = list(message.DESCRIPTOR.fields)
    for field in rng.sample(fields, rng.randint(0, min(len(fields), 8 if depth else 25))):
        if is_map(field):
            key, value = field.message_type.fields
            target = getattr(message, field.name)
            for _ in range(rng.randint(0, 4 if depth else 20)):
                if value.type == F.TYPE_MESSAGE:
                    entry = target[scalar(rng, key.type)]
                    if depth < 4:
                        fill(rng, entry, depth + 1)
                else:
                    target[scalar(rng, key.type)] = scalar(rng, value.type)
        elif is_repeated(field):
            target = getattr(message, field.name)
            for _ in range(rng.randint(0, 5)):
                if field.type == F.TYPE_MESSAGE:
                    entry = target.add()
                    if depth < 4:
                        fill(rng, entry, depth + 1)
                else:
                    target.append(scalar(rng, field.type))
        elif field.type == F.TYPE_MESSAGE:
            target = getattr(message, field.name)
            target.SetInParent()
            if depth < 4:
                fill(rng, target, depth + 1)
        else:
            setattr(message, field.name, scalar(rng, field.type))


def varint(value, padding=0):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    for _ in range(padding):
        out[-1] |= 0x80
        out.append(0)
    return bytes(out)


def raw_varint(rng):
    value = rng.choice([0, 1, 2, 127, 128, 2**31, 2**32 - 1, 2**32 + 5, 2**63, 2**64 - 1, rng.getrandbits(64)])
    data = varint(value)
    return varint(value, rng.randint(0, 10 - len(data))) if rng.random() < 0.2 else data


def raw_value(rng, wire, descriptor, depth):
    if wire == 0:
        return raw_varint(rng)
    if wire == 1:
        return rng.randbytes(8)
    if wire == 5:
        return rng.randbytes(4)
    content = raw_message(rng, descriptor, depth + 1) if descriptor is not None else rng.choice(
        [b"", b"a", b"text", "\u00e9".encode(), rng.randbytes(3), b"x" * 40])
    return varint(len(content), rng.choice([0, 0, 0, 1])) + content


def natural_wire(field):
    if field.type in VARINTS:
        return 0
    return 5 if field.type in FIXED32 else 1 if field.type in FIXED64 else 2


def raw_field(rng, descriptor, depth):
    # An entry of a map with unknown fields is kept as a whole, as an unknown field, by this implementation; C++ and Java
    # keep the entry and drop what they do not know, and so do we.
    choice = 1.0 if descriptor.GetOptions().map_entry else rng.random()
    if choice < 0.08:
        number, wire = rng.choice([1000, 1001, 15, 19, 536870910]), rng.choice([0, 1, 2, 5])
        return varint(number << 3 | wire) + raw_value(rng, wire, None, depth)
    if choice < 0.12:
        number = rng.choice([1000, 3, 17])
        inner = raw_message(rng, descriptor, depth + 1) if depth < 4 else b""
        return varint(number << 3 | 3) + inner + varint(number << 3 | 4)
    field = rng.choice(descriptor.fields)
    wire = natural_wire(field)
    if choice < 0.16:
        wire = rng.choice([0, 1, 2, 5])
    tag = varint(field.number << 3 | wire)
    if len(tag) < 5 and rng.random() < 0.03:
        tag = varint(field.number << 3 | wire, 1)
    if wire == 2 and field.type == F.TYPE_MESSAGE and (depth < 5 or is_map(field)):
        return tag + raw_value(rng, 2, field.message_type, depth)
    if is_repeated(field) and wire == natural_wire(field) and wire != 2 and rng.random() < 0.5:
        content = b"".join(raw_value(rng, wire, None, depth) for _ in range(rng.randint(0, 4)))
        return varint(field.number << 3 | 2) + varint(len(content)) + content
    return tag + raw_value(rng, wire, None, depth)


def raw_message(rng, descriptor, depth):
    return b"".join(raw_field(rng, descriptor, depth) for _ in range(rng.randint(0, 3 if depth else 12)))


def damaged(rng, data):
    data = bytearray(data)
    for _ in range(rng.randint(1, 3)):
        if data:
            place = rng.randrange(len(data))
            action = rng.random()
            if action < 0.5:
                data[place] = rng.randrange(256)
            elif action < 0.75:
                del data[place]
            else:
                del data[place:]
    return bytes(data)


def parse(message_class, data):
    message = message_class()
    try:
        message.ParseFromString(data)
    except DecodeError:
        return None
    return message


def submessages(message):
    for field, value in message.ListFields():
        if is_map(field):
            yield from (entry for entry in value.values() if isinstance(entry, Message))
        elif field.type == F.TYPE_MESSAGE:
            yield from value if is_repeated(field) else [value]


def has_group(message):
    """Whether a group is among the unknown fields, at any depth."""
    return any(field.wire_type == 3 for field in UnknownFieldSet(message)) or any(map(has_group, submessages(message)))


def main():
    descriptor_set, program = sys.argv[1:3]
    count = int(sys.argv[3]) if len(sys.argv) > 3 else 2000
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else random.SystemRandom().randrange(2**32)
    rng = random.Random(seed)
    files = descriptor_pb2.FileDescriptorSet()
    with open(descriptor_set, "rb") as file:
        files.ParseFromString(file.read())
    pool = descriptor_pool.DescriptorPool()
    for file in files.file:
        pool.Add(file) if hasattr(pool, "Add") else pool.AddSerializedFile(file.SerializeToString())
    message_class = message_factory.GetMessageClass(pool.FindMessageTypeByName(NAME))
    echo = Echo(program)

    def fail(what, data, output):
        shown = None if output is None else output.hex()
        raise SystemExit(f"differential: seed {seed}: {what}\n  input  {data.hex()}\n  output {shown}")

    for _ in range(count):
        message = message_class()
        fill(rng, message, 0)
        data = message.SerializeToString(deterministic=True)
        output = echo(data)
        if output != data:
            fail("a serialised message did not come back byte for byte", data, output)

    accepted = refused = tolerated = 0
    for index in range(count):
        data = raw_message(rng, message_class.DESCRIPTOR, 0)
        is_damaged = index % 3 == 0
        if is_damaged:
            data = damaged(rng, data)
        theirs, output = parse(message_class, data), echo(data)
        if is_damaged and theirs is not None and output is None and has_group(theirs):
            # Inside a group they skip fields with number zero, which the format does not allow.
            tolerated += 1
            continue
        if (theirs is None) != (output is None):
            fail(f"accepted by one: theirs {theirs is not None}, ours {output is not None}", data, output)
        if theirs is None:
            refused += 1
            continue
        accepted += 1
        ours = parse(message_class, output)
        if ours is None:
            fail("our output is no message", data, output)
        # Damage can put unknown fields into the entries of maps.
        if not is_damaged and ours.SerializeToString(deterministic=True) != theirs.SerializeToString(deterministic=True):
            fail("the message has changed", data, output)
        if echo(output) != output:
            fail("encoding is not stable", data, output)
    print(f"differential: seed {seed}: {count} serialised messages identical; "
          f"{accepted} raw messages equal, {refused} refused by both, {tolerated} refused by us alone")


if __name__ == "__main__":
    main()
