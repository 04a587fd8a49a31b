"""Keys of nets and fingerprints of spaces."""

from __future__ import annotations

from dataclasses import replace

from nas_scale.architecture.files import known_nets, known_spaces, load_net, load_space
from nas_scale.architecture.template import Choice
from nas_scale.commands.shared.identity import net_key, space_fingerprint
from nas_scale.plain import fingerprint


def test_keys_are_those_of_other_machines_and_days() -> None:
    """A run is gone on with by its keys: where one of these changes, the format of run.json has to."""
    assert net_key(load_net("efficientnet-b0")) == "ddb2c16015149545"
    assert space_fingerprint(load_space("nas-bench-macro")) == "98629aed265f9b2d"


def test_every_net_and_every_space_has_its_own() -> None:
    nets = [load_net(name) for name in known_nets()]
    assert len({net_key(net) for net in nets}) == len({replace(net, name="") for net in nets})
    spaces = [load_space(name) for name in known_spaces()]
    assert len({space_fingerprint(space) for space in spaces}) == len(spaces)


def test_a_name_changes_nothing_and_all_else_does() -> None:
    net, space = load_net("efficientnet-b0"), load_space("nas-bench-macro")
    assert net_key(replace(net, name="mine")) == net_key(net)
    for other in (replace(net, head=8), replace(net, dropout=0.25), replace(net, style=replace(net.style, bn_eps=0.1))):
        assert net_key(other) != net_key(net)
    assert space_fingerprint(replace(space, name="mine", about="mine")) == space_fingerprint(space)
    larger = replace(space, frame=replace(space.frame, resolution=64))
    (template, *others) = space.stages
    slots = {
        name: replace(slot, options=slot.options[:-1]) if isinstance(slot, Choice) else slot
        for name, slot in template.slots.items()
    }
    fewer = replace(space, stages=(replace(template, slots=slots), *others))
    assert len({space_fingerprint(each) for each in (space, larger, fewer)}) == 3


def test_a_version_is_part_of_a_fingerprint() -> None:
    assert fingerprint({"a": 1, "b": [2]}, 1) == fingerprint({"b": [2], "a": 1}, 1)
    assert fingerprint({"a": 1}, 1) != fingerprint({"a": 1}, 2) != fingerprint({"a": 2}, 2)
