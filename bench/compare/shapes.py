"""The calls that compare.py times, and the folders in which processes hand them to each other.

A shape has: name; family, dense or long_range; op, attributes and output as in the pack's tables;
dtype, the storage type; order, in which peers that can choose and Attune have tensors of four
dimensions in memory ("" as declared); sizes(), a text; inputs(), {name: float32 array or another
type that is not the storage type}, as declared; declared(output), of what a peer gives;
reference(inputs) in float64; max_error(output, reference), the largest absolute difference, NaN if
there is one.
"""
import json
import os

import numpy as np

import dense
import long_range

SHAPES = {shape.name: shape for shape in (*dense.SHAPES, *long_range.SHAPES)}
FAMILIES = ("dense", "long_range")
# Largest error of an output, by the least precise type that its peer stores or computes in. Values
# reach 5; half a unit in the last place there is 2e-7, 2e-3 and 2e-2.
TOLERANCE = {"f32": 1e-5, "f16": 4e-3, "bf16": 4e-2}


def named(words):
    """Shapes of a list of names and families; raises KeyError for another word."""
    names = []
    for word in words:
        names += ([shape.name for shape in SHAPES.values() if shape.family == word]
                  if word in FAMILIES else [SHAPES[word].name])
    return names


def write_case(folder, shape, inputs):
    """What `attune run --case` reads: case.json and a .npy a tensor."""
    os.makedirs(folder)
    for name, x in inputs.items():
        np.save(os.path.join(folder, name + ".npy"), np.ascontiguousarray(x))
    case = {"op": shape.op, "attrs": shape.attributes, "inputs": list(inputs),
            "outputs": [shape.output]}
    with open(os.path.join(folder, "case.json"), "w") as file:
        json.dump(case, file)


def read_case(folder):
    """The inputs."""
    with open(os.path.join(folder, "case.json")) as file:
        names = json.load(file)["inputs"]
    return {name: np.load(os.path.join(folder, name + ".npy")) for name in names}
