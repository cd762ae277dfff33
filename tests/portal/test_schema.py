"""The committed protobuf modules are what the committed schema makes."""

from __future__ import annotations

from pathlib import Path

from google.protobuf.descriptor_pb2 import DescriptorProto, FileDescriptorProto, FileDescriptorSet
from grpc_tools import protoc

from gatewayd.portal.schema import usp_msg_pb2, usp_record_pb2

ROOT = Path(__file__).parents[2]


def test_the_modules_are_up_to_date(tmp_path: Path) -> None:
    """After a change of the schema: python -m grpc_tools.protoc -I . --python_out=. --pyi_out=. SCHEMA"""
    for name, module in (("usp_msg", usp_msg_pb2), ("usp_record", usp_record_pb2)):
        schema = f"gatewayd/portal/schema/{name}.proto"
        made = tmp_path / f"{name}.binpb"
        assert protoc.main(["protoc", f"-I{ROOT}", f"--descriptor_set_out={made}", str(ROOT / schema)]) == 0
        (fresh,) = FileDescriptorSet.FromString(made.read_bytes()).file
        for message in fresh.message_type:
            _plain(message)
        committed = FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(committed)
        assert committed == fresh


def _plain(message: DescriptorProto) -> None:
    """Without the JSON names, which the generated modules leave out."""
    for field in message.field:
        field.ClearField("json_name")
    for nested in message.nested_type:
        _plain(nested)
