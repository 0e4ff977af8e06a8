"""All of csi.v1 in one place, however the schemas divide it into files: messages in `csi`, service stubs in `stubs`."""

import importlib
import pkgutil
import types

import csi.v1

_modules = {name: importlib.import_module(f"csi.v1.{name}") for _, name, _ in pkgutil.iter_modules(csi.v1.__path__)}


def _merged(suffix):
    names = {}
    for name, module in _modules.items():
        if name.endswith(suffix):
            names.update({key: value for key, value in vars(module).items() if not key.startswith("_")})
    return types.SimpleNamespace(**names)


stubs = _merged("_pb2_grpc")
csi = _merged("_pb2")
