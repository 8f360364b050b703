"""Writes OpenVINO graphs (IR version 11) with Python's standard library alone.

The runtime re-infers every shape when it reads a graph, so a layer carries its attributes, the precisions of its outputs
and nothing else. The same calls give the same bytes on every machine, whatever its Python.
"""
import struct
import sys
from array import array
from xml.sax.saxutils import quoteattr

ELEMENTS = {"i8": 1, "u8": 1, "i32": 4, "i64": 8, "f32": 4}
FORMATS = {"i32": "i", "i64": "q", "f32": "f"}
PORTS = {
    "i8": "I8", "u8": "U8", "i32": "I32", "i64": "I64", "f32": "FP32", "boolean": "BOOL", "string": "STRING",
}


class Output:
    """One output port of a layer: what the next layer takes as its input."""

    def __init__(self, layer, port, kind):
        self.layer, self.port, self.kind = layer, port, kind


class Graph:
    """Collects layers and constants; `save` writes NAME.xml and NAME.bin."""

    def __init__(self, name):
        if sys.byteorder != "little":
            raise SystemExit("export_model: this needs a little-endian machine, as OpenVINO does")
        self.name, self.layers, self.edges, self.data = name, [], [], bytearray()
        self.offsets = {}

    def layer(self, kind, version, inputs, outputs, attributes=None, name=None, tensor=None):
        """Adds a layer; `outputs` are element types. Returns its outputs, or the only one."""
        number = len(self.layers)
        name = name or f"{kind}_{number}"
        lines = [f'<layer id="{number}" name={quoteattr(name)} type="{kind}" version="{version}">']
        if attributes:
            pairs = " ".join(f"{key}={quoteattr(str(value))}" for key, value in attributes.items())
            lines.append(f"<data {pairs}/>")
        if inputs:
            ports = "".join(f'<port id="{i}" precision="{PORTS[x.kind]}"/>' for i, x in enumerate(inputs))
            lines.append(f"<input>{ports}</input>")
            self.edges += [(x.layer, x.port, number, i) for i, x in enumerate(inputs)]
        if outputs:
            names = f" names={quoteattr(tensor)}" if tensor else ""
            ports = "".join(
                f'<port id="{len(inputs) + i}" precision="{PORTS[kind]}"{names}/>' for i, kind in enumerate(outputs)
            )
            lines.append(f"<output>{ports}</output>")
        lines.append("</layer>")
        self.layers.append("".join(lines))
        made = [Output(number, len(inputs) + i, kind) for i, kind in enumerate(outputs)]
        return made[0] if len(made) == 1 else made

    def raw(self, kind, shape, data):
        """A constant from little-endian bytes; the same bytes are stored once, on a boundary of 64."""
        offset = self.offsets.get(data)
        if offset is None:
            self.data += bytes(-len(self.data) % 64)
            offset = len(self.data)
            self.data += data or b"\0"  # the reader refuses a constant of no bytes, even for an empty shape
            if len(data) < 4096:
                self.offsets[data] = offset
        attributes = {
            "element_type": kind, "shape": ", ".join(map(str, shape)), "offset": offset, "size": max(len(data), 1),
        }
        return self.layer("Const", "opset1", [], [kind], attributes)

    def const(self, kind, value):
        """A constant from a number, or a one-dimensional one from a list."""
        values, shape = (value, [len(value)]) if isinstance(value, list) else ([value], [])
        return self.raw(kind, shape, struct.pack(f"<{len(values)}{FORMATS[kind]}", *values))

    def text(self, value):
        data = value.encode()
        return self.raw("u8", [len(data)], data)

    def parameter(self, kind, shape, name):
        return self.layer("Parameter", "opset1", [], [kind], {"shape": shape, "element_type": kind}, name, tensor=name)

    def result(self, output, name):
        self.layer("Result", "opset1", [output], [], {}, f"result_{name}")

    def binary(self, kind, a, b, **more):
        return self.layer(kind, "opset1", [a, b], [a.kind], {"auto_broadcast": "numpy", **more})

    def convert(self, x, kind, tensor=None):
        return self.layer("Convert", "opset1", [x], [kind], {"destination_type": kind}, tensor=tensor)

    def save(self, path):
        edges = "\n".join(
            f'<edge from-layer="{a}" from-port="{b}" to-layer="{c}" to-port="{d}"/>' for a, b, c, d in self.edges
        )
        layers = "\n".join(self.layers)
        with open(path + ".bin", "wb") as file:
            file.write(self.data)
        with open(path + ".xml", "w", encoding="utf-8", newline="\n") as file:
            file.write(
                f'<?xml version="1.0"?>\n<net name={quoteattr(self.name)} version="11">\n<layers>\n{layers}\n</layers>\n'
                f"<edges>\n{edges}\n</edges>\n</net>\n"
            )


def quantise(data, rows, columns, factors=None):
    """float32 bytes [rows, columns] to int8 [rows, columns] and float32 scales [rows, 1]: symmetric, a scale a row.

    `factors` multiply the columns first.
    """
    values = array("f", data)
    whole, scales = array("b"), array("f", bytes(4 * rows))
    for row in range(rows):
        part = values[row * columns:(row + 1) * columns]
        if factors:
            part = [value * factor for value, factor in zip(part, factors)]
        scales[row] = max(max(part), -min(part)) / 127 or 1.0
        inverse = 1 / scales[row]
        whole.extend([max(-127, min(127, round(value * inverse))) for value in part])
    return whole.tobytes(), scales.tobytes()
