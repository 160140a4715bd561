"""Custom-field definitions of both vendors, and the rows of `ticket_fields` and `ticket_field_options`."""

from dataclasses import dataclass, field

from jsontext import Number, dumps, loads
from values import raw_text, read_bool, read_integer, scalar_text

KF5_KINDS = {
    "int": "int64",
    "decimal": "float64",
    "date": "date32",
    "checkbox": "bool",
    "dropdownlist": "select",
    "cascade": "select",
    "multi_cascade": "path",
    "multi_options": "path",
}
UDESK_KINDS = {
    "number": "int64",
    "numeric": "float64",
    "date": "date32",
    "time": "time64[us]",
    "datetime": "instant",
    "droplist": "select",
    "radio": "select",
    "checkbox": "many",
    "chained_droplist": "path",
}
COLUMN_TYPES = {"select": "text", "path": "list of text", "many": "list of text"}


@dataclass
class Option:
    """One selectable node: its labels from the root, and the vendor's own name of it."""

    path: list
    raw: str
    label: str


@dataclass
class Field:
    """One definition. `kind` is a column type, or select, many, path."""

    name: str
    label: str
    vendor_type: str
    kind: str
    options: list = field(default_factory=list)
    row: dict = field(default_factory=dict)
    cascade: dict | None = None

    @property
    def column(self):
        return "cf_" + self.name

    @property
    def column_type(self):
        return COLUMN_TYPES.get(self.kind, self.kind)

    @property
    def has_twin(self):
        return self.kind in COLUMN_TYPES

    def take_options(self, options):
        """Of two options with one key under one parent only the first counts, here too."""
        seen = set()
        for option in options:
            place = (tuple(option.path[:-1]), option.raw)
            if place not in seen:
                seen.add(place)
                self.options.append(option)

    def option_rows(self):
        return [
            {"field_name": self.name, "path": option.path, "raw": option.raw, "label": option.label,
             "position": position, "active": True}
            for position, option in enumerate(self.options)
        ]


def _base_row(made, definition):
    return {
        "field_name": made.name, "column_name": made.column, "label": made.label, "vendor_type": made.vendor_type,
        "column_type": made.column_type, "active": True, "required_for_agent": None, "visible_to_customer": None,
        "editable_by_customer": None, "required_for_customer": None, "description": None, "validation_regexp": None,
        "parent_field_name": None, "parent_path": None, "_raw": dumps(definition),
    }


def _kf5_nodes(items, above):
    for item in items or []:
        if isinstance(item, dict):
            label = scalar_text(item["value"] if item.get("value") is not None else item["key"])
            raw = scalar_text(item["key"]) if item.get("key") is not None else label
            below = item.get("sub_items")
        else:
            label = raw = scalar_text(item)
            below = None
        yield Option(above + [label], raw, label)
        yield from _kf5_nodes(below, above + [label])


def _kf5_flat_tree(tree):
    """The object form: a list of nodes that name their parent."""
    def below(parent, above):
        for node in tree["list"]:
            above_it = node.get("parent")
            root = above_it in (None, "") or scalar_text(above_it) == "0"
            if (root and parent is None) or (not root and parent is not None and scalar_text(above_it) == parent):
                label = scalar_text(node.get("value", node["key"]))
                yield Option(above + [label], scalar_text(node["key"]), label)
                yield from below(scalar_text(node["id"]), above + [label])

    return list(below(None, []))


def _expression(value):
    if isinstance(value, list):
        return scalar_text(value[0]) if value else None
    return raw_text(value)


def kf5_fields(texts):
    """Definitions as KF5 serves them, one JSON text each → Fields in their order."""
    definitions = [loads(text) for text in texts]
    names = {scalar_text(d["id"]): d["name"] for d in definitions if d.get("id") is not None}
    fields = []
    for d in definitions:
        kind = KF5_KINDS.get(d["type"], "text")
        made = Field(d["name"], d["agent_title"], d["type"], kind)
        options = d.get("custom_field_options")
        if made.has_twin:
            made.take_options(_kf5_flat_tree(options) if isinstance(options, dict) else _kf5_nodes(options, []))
        made.row = _base_row(made, d)
        made.row.update(
            active=read_bool(d.get("active")),
            required_for_agent=read_bool(d.get("agent_required")),
            visible_to_customer=read_bool(d.get("enduser_visible")),
            editable_by_customer=read_bool(d.get("enduser_editable")),
            required_for_customer=read_bool(d.get("enduser_required")),
            description=d.get("enduser_description"),
            validation_regexp=_expression(d.get("regexp_for_validation")),
        )
        parent = d.get("cascade_id")
        if parent is not None and parent != "" and parent != Number("0") and parent != "0":
            made.row["parent_field_name"] = names.get(scalar_text(parent), "field_" + scalar_text(parent))
            value = d.get("cascade_value")
            if value is not None:
                made.row["parent_path"] = [scalar_text(v) for v in (value if isinstance(value, list) else [value])]
        fields.append(made)
    return fields


def _cascade_nodes(cascade):
    """Depth first, siblings in the order of their indices."""
    def place(path):
        return [int(step) for step in path.split(",")]

    for path in sorted(cascade, key=place):
        steps = path.split(",")
        above = [",".join(steps[: n + 1]) for n in range(len(steps))]
        if all(step in cascade for step in above):
            yield Option([cascade[step] for step in above], path, cascade[path])


def udesk_fields(texts, cascades=None):
    """Definitions as Udesk serves them. `cascades`: field name → {index path: label}, as the user's file gives them."""
    fields = []
    for d in map(loads, texts):
        kind = UDESK_KINDS.get(d["content_type"], "text")
        made = Field(d["field_name"], d["field_label"], d["content_type"], kind)
        if kind == "path":
            made.cascade = (cascades or {}).get(made.name)
            made.take_options(_cascade_nodes(made.cascade or {}))
        elif made.has_twin:
            pairs = [pair for entry in d.get("options") or [] for pair in entry.items()]
            made.take_options(Option([scalar_text(label)], index, scalar_text(label)) for index, label in pairs)
        made.row = _base_row(made, d)
        permission = read_integer(d.get("permission"))
        required = d["requirement"] if "requirement" in d else d.get("requirment")
        made.row.update(required_for_agent=read_bool(required), description=d.get("comment"))
        if permission is not None:
            made.row.update(visible_to_customer=permission >= 1, editable_by_customer=permission >= 2,
                            required_for_customer=permission >= 3)
        fields.append(made)
    return fields
