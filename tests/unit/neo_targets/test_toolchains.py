from pathlib import Path

from neo_targets.architectures import ARM_EABIHF
from neo_targets.compiler_rt import HELPERS
from neo_targets.registry import DEVICES
from neo_targets.toolchains import android_script, link_command, lld, stub_command


def test_lld_is_the_zig_binary_itself() -> None:
    assert Path(lld()[0]).name.startswith("zig")
    assert lld()[-1] == "ld.lld"


def test_link_command() -> None:
    command = link_command(DEVICES["ml_m6g"], [Path("lib0.o"), Path("devc.o")], [Path("libm")], Path("out/compiled.so"))
    words = " ".join(command)
    assert "-m aarch64linux -shared" in words
    assert "-soname compiled.so -o out/compiled.so lib0.o devc.o --no-as-needed libm" in words


def test_stub_command_names_the_library() -> None:
    words = " ".join(stub_command(ARM_EABIHF, "libm.so.6", Path("stub")))
    assert "-m armelf_linux_eabi -shared -soname libm.so.6 -o stub" in words


def test_helpers_are_linked_in_where_the_c_library_lacks_something() -> None:
    words = link_command(DEVICES["x86_win32"], [Path("kernels.o")], [Path("ucrt.lib")], Path("compiled.dll"))
    assert words[-3:] == ["kernels.o", str(HELPERS["i686-windows"].path), "ucrt.lib"]
    assert "/safeseh:no" in words and "/machine:x86" in words
    assert "/safeseh:no" not in link_command(DEVICES["x86_win64"], [], [], Path("compiled.dll"))


def test_android_script_is_a_note() -> None:
    assert "(TYPE=SHT_NOTE)" in android_script(29) and "BYTE(29) BYTE(0) BYTE(0) BYTE(0)" in android_script(29)
