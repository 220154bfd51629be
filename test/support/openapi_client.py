"""Imports every module of a generated client, and reads and writes its named types. Prints how many modules there are."""
import importlib, json, pathlib, sys

given = json.load(sys.stdin)
folder = pathlib.Path(given["folder"])
sys.path.insert(0, str(folder.parent))
names = [".".join(path.relative_to(folder.parent).with_suffix("").parts) for path in sorted(folder.rglob("*.py"))]
for name in names:
    importlib.import_module(name)
models = importlib.import_module(f"{folder.name}.models")
amount = models.Amount.from_dict(given["amount"])
payment = models.Payment.__annotations__
print(json.dumps({
    "modules": len(names),
    "amount": amount.to_dict(),
    "types": {name: str(payment[name]) for name in ("amount", "reasons")},
    "models": [name for name in given["models"] if isinstance(getattr(models, name, None), type)],
}))
