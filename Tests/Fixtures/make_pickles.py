"""Checkpoints as torch.save writes them, made without PyTorch: stand-ins under its modules' names are pickled.

Usage: make_pickles.py DIRECTORY

`objects-PROTOCOL.pth` hold, beside one tensor, objects of all sorts of classes, `text.pth` the same without the
tensor in protocol 0; `module.pth` holds a module that was
saved whole, `lists.pth` state dictionaries in lists and objects, and `subclass.pth` a tensor of a subclass.
"""

import collections
import datetime
import decimal
import enum
import functools
import io
import pathlib
import pickle
import struct
import sys
import types
import zipfile


def module(name, **members):
    made = types.ModuleType(name)
    for key, value in members.items():
        value.__module__, value.__qualname__ = name, key
        setattr(made, key, value)
    sys.modules[name] = made
    return made


class FloatStorage:
    pass


def _rebuild_tensor_v2(*arguments):
    raise AssertionError("never called")


def _rebuild_from_type_v2(*arguments):
    raise AssertionError("never called")


class Config(dict):
    """A dictionary with attributes."""


class Recorder(list):
    """A list with attributes."""


class Plain:
    pass


class Slotted:
    __slots__ = ("state_dict", "step")


class Mode(enum.Enum):
    TRAIN = 1


class WithArguments:
    def __init__(self, *arguments):
        self.arguments = arguments

    def __reduce__(self):
        return WithArguments, self.arguments


class WithKeywords:
    def __new__(cls, *, width):
        return super().__new__(cls)

    def __getnewargs_ex__(self):
        return (), {"width": 3}


class Module:
    """As torch.nn.Module keeps its members."""

    def __init__(self, parameters, modules):
        self.training = False
        self._parameters = parameters
        self._buffers = collections.OrderedDict()
        self._modules = modules


class Harm:
    def __reduce__(self):
        import os

        return os.system, ("touch executed",)


module("torch", FloatStorage=FloatStorage)
module("torch._utils", _rebuild_tensor_v2=_rebuild_tensor_v2)
module("torch._tensor", _rebuild_from_type_v2=_rebuild_from_type_v2)
module(
    "training", Config=Config, Recorder=Recorder, Plain=Plain, Slotted=Slotted, Mode=Mode,
    WithArguments=WithArguments, WithKeywords=WithKeywords, Module=Module, Harm=Harm)


class Storage:
    def __init__(self, values):
        self.values = values


class Tensor:
    def __init__(self, *values):
        self.storage = Storage(values)

    def __reduce_ex__(self, protocol):
        count = len(self.storage.values)
        return _rebuild_tensor_v2, (self.storage, 0, (count,), (1,), False, collections.OrderedDict())


class Subclassed(Tensor):
    def __reduce_ex__(self, protocol):
        function, arguments = super().__reduce_ex__(protocol)
        return _rebuild_from_type_v2, (function, Plain, arguments, {"extra": 1})


def save(path, value, protocol=2):
    storages = []

    class Pickler(pickle.Pickler):
        def persistent_id(self, object):
            if not isinstance(object, Storage):
                return None
            storages.append(object)
            return ("storage", FloatStorage, str(len(storages) - 1), "cpu", len(object.values))

    buffer = io.BytesIO()
    Pickler(buffer, protocol).dump(value)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", buffer.getvalue())
        for index, storage in enumerate(storages):
            archive.writestr(f"archive/data/{index}", struct.pack(f"<{len(storage.values)}f", *storage.values))


def objects():
    plain = Plain()
    plain.inner = [Plain(), {"a": Plain()}]
    slotted = Slotted()
    slotted.step = 3
    config = Config(lr=0.5)
    config.frozen = True
    recorder = Recorder([1.5, "x"])
    recorder.name = "loss"
    return {
        "classes": [plain, slotted, config, recorder, WithArguments(1, "x"), WithArguments(plain), Harm()],
        "types": (int, Plain, FloatStorage, collections.OrderedDict),
        "path": pathlib.PurePosixPath("/data/run"),
        "time": datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc),
        "mode": Mode.TRAIN,
        "partial": functools.partial(print, "x", end=""),
        "counts": collections.defaultdict(list, {"a": [1]}),
        "decimal": decimal.Decimal("1.5"),
        "numbers": [1, -1, 2**70, 300, 70000, True, False, None, 1.5, 2 + 3j, b"bytes", bytearray(b"x")],
        "sets": [{1, 2}, frozenset({3}), range(3), slice(1, 2)],
        "text": "é\n'\"\\",
        "function": print,
        "long text": "k" * 5000,
        "k" * 5000: {"deep": 1},
        3: {"number": "key"},
        ("a", 1): "a tuple is a key",
    }


def main():
    directory = pathlib.Path(sys.argv[1])
    # torch.load takes no storage in protocol 0; 1 has the same text for all else.
    for protocol in range(1, 6):
        values = objects()
        if protocol >= 2:
            values["keywords"] = WithKeywords(width=3)
        else:
            del values["classes"][1]
        save(directory / f"objects-{protocol}.pth", {"meta": values, "model": {"w": Tensor(1, 2, 3)}}, protocol)
    values = objects()
    del values["classes"][1]
    with zipfile.ZipFile(directory / "text.pth", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps(values, 0))

    block = Module(collections.OrderedDict(weight=Tensor(1, 2), bias=None), collections.OrderedDict())
    inner = Module(
        collections.OrderedDict(cls_token=Tensor(3)), collections.OrderedDict([("0", block), ("1", block)]))
    save(
        directory / "module.pth",
        {"epoch": 3, "net": Module(collections.OrderedDict(), collections.OrderedDict(blocks=inner))})

    holder = Slotted()
    holder.state_dict = collections.OrderedDict(w=Tensor(4, 5))
    shared = {"w": Tensor(6)}
    save(
        directory / "lists.pth",
        (1, [shared, {"b": {"c": [{"w": Tensor(7)}]}}], holder, Config(w=Tensor(8)), {"again": shared}))
    save(directory / "subclass.pth", {"w": Subclassed(9, 10)})


main()
