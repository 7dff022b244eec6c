"""A process that meets Windows: started with this folder first in PYTHONPATH.

Modules of ours see no POSIX-only name. Below the folder AS_WINDOWS, files that anybody has open are
neither replaced nor deleted, names that Windows refuses do not exist, and paths end at 259
characters.
"""

import builtins
import errno
import io
import os
import subprocess
import sys
import types
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path, PureWindowsPath
from typing import Any

ROOT = os.environ["AS_WINDOWS"]
LONGEST_PATH = 259
# Processes that met Windows: what they have open cannot be replaced.
_PIDS = Path(f"{ROOT}.pids")
_OURS = ("tl_core", "tl_ui")
_MODULES = {"fcntl", "grp", "posix", "pwd", "resource", "syslog", "termios", "tty"}
_OS_NAMES = """
chown confstr ctermid fchdir fchmod fchown fork forkpty getegid geteuid getgid getgroups getloadavg
getpgid getpgrp getpriority getsid getuid killpg lchown link lockf mkfifo mknod nice openpty
pathconf pipe2 posix_fadvise posix_spawn pread pwrite register_at_fork sched_getaffinity
sched_setaffinity sendfile set_blocking setpgid setpriority setsid setuid statvfs sync sysconf
ttyname uname wait WIFSIGNALED WTERMSIG O_ACCMODE O_ASYNC O_CLOEXEC O_DIRECTORY O_DSYNC O_NOCTTY
O_NOFOLLOW O_NONBLOCK O_PATH O_SYNC
"""
_SIGNAL_NAMES = """
SIGALRM SIGCHLD SIGCONT SIGHUP SIGKILL SIGPIPE SIGQUIT SIGSTOP SIGTSTP SIGUSR1 SIGUSR2
alarm pause pthread_kill pthread_sigmask setitimer sigwait
"""
_NAMES = {
    "os": _OS_NAMES.split(),
    "signal": _SIGNAL_NAMES.split(),
    "socket": ["AF_UNIX"],
    "errno": ["EDQUOT"],
}


class _Windows(types.ModuleType):
    """A module as it is on Windows."""

    def __init__(self, real: types.ModuleType, **changes: object) -> None:
        super().__init__(real.__name__)
        self._real = real
        self._missing = frozenset(_NAMES.get(real.__name__, ()))
        self.__dict__.update(changes)

    def __getattr__(self, name: str) -> Any:
        if name in self._missing:
            raise AttributeError(f"Windows has no {self.__name__}.{name}")
        return getattr(self._real, name)


class _Popen(subprocess.Popen):  # type: ignore[type-arg]
    def __init__(self, *arguments: Any, creationflags: int = 0, **options: Any) -> None:
        if {"process_group", "start_new_session", "preexec_fn"} & set(options):
            raise ValueError("only POSIX has process groups and sessions")
        super().__init__(*arguments, **options)


def _refuse_library(name: str, *_: object) -> None:
    raise OSError(errno.ENOENT, "Windows has no such library", name)


_import = builtins.__import__
_open = io.open
_replace = os.replace
_unlink = os.unlink
_mkdir = os.mkdir


def _seen_by_us() -> Iterator[tuple[str, types.ModuleType]]:
    import ctypes
    import errno
    import signal
    import socket

    yield "os", _Windows(os, name="nt")
    yield "sys", _Windows(sys, platform="win32")
    yield "errno", _Windows(errno)
    yield "signal", _Windows(signal)
    yield "socket", _Windows(socket)
    yield "ctypes", _Windows(ctypes, CDLL=_refuse_library)
    flags = {"CREATE_NEW_PROCESS_GROUP": 0x200, "BELOW_NORMAL_PRIORITY_CLASS": 0x4000}
    yield "subprocess", _Windows(subprocess, Popen=_Popen, **flags)


_SEEN = dict(_seen_by_us())


def _import_as_windows(
    name: str, globals: Any = None, locals: Any = None, fromlist: Any = (), level: int = 0
) -> Any:
    if level == 0 and (globals or {}).get("__name__", "").startswith(_OURS):
        if name in _MODULES:
            raise ModuleNotFoundError(f"Windows has no module {name}", name=name)
        if name in _SEEN:
            return _SEEN[name]
    return _import(name, globals, locals, fromlist, level)


def _text(path: Any) -> str:
    return "" if isinstance(path, int) else str(Path(os.fsdecode(path)).absolute())


def _is_below(path: str, folder: str = ROOT) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _check_name(path: Any) -> None:
    """Refuse a name that Windows does not know."""
    text = _text(path)
    if not _is_below(text):
        return
    if len(text) > LONGEST_PATH:
        raise FileNotFoundError(errno.ENOENT, f"the path has {len(text)} characters", text)
    for part in Path(text).relative_to(ROOT).parts:
        if set(part) & set('<>:"|?*\\') or part != part.rstrip(". "):
            raise OSError(errno.EINVAL, "Invalid argument", text)
        if PureWindowsPath(part).is_reserved():
            raise PermissionError(errno.EACCES, "a device of this name", text)


def _opened() -> Iterator[str]:
    """Yield the paths of all files that processes on this Windows have open or mapped."""
    for process in _PIDS.iterdir():
        for folder in ("fd", "map_files"):
            with suppress(OSError):
                for link in Path("/proc", process.name, folder).iterdir():
                    with suppress(OSError):
                        yield str(link.readlink())


def _check_free(path: Any, action: str) -> None:
    """Refuse to touch the name of a file, or of a folder with files, that somebody has open."""
    text = _text(path)
    # What does not exist fails by itself.
    if not _is_below(text) or not os.path.lexists(text):
        return
    for opened in _opened():
        if _is_below(opened, text):
            reason = f"cannot {action}: {opened} is open"
            raise PermissionError(errno.EACCES, reason, text)


def _open_as_windows(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
    text = _text(file)
    # Nothing that only Linux has.
    if text.startswith(("/sys/fs/cgroup", "/proc/self/oom")):
        raise FileNotFoundError(errno.ENOENT, "Windows has no such file", text)
    _check_name(file)
    if text.endswith((".lock", ".writer")) and "b" not in mode and "r" in mode:
        raise PermissionError(errno.EACCES, "a locked file cannot be read", text)
    return _open(file, mode, *arguments, **options)


def _rename_as_windows(source: Any, target: Any, **options: Any) -> None:
    _check_name(target)
    _check_free(source, "rename")
    _check_free(target, "replace")
    _replace(source, target, **options)


def _rename_to_free_name(source: Any, target: Any, **options: Any) -> None:
    if _is_below(_text(target)) and os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, "File exists", _text(target))
    _rename_as_windows(source, target, **options)


def _unlink_as_windows(path: Any, *arguments: Any, **options: Any) -> None:
    if not options:
        _check_free(path, "delete")
    _unlink(path, *arguments, **options)


def _mkdir_as_windows(path: Any, *arguments: Any, **options: Any) -> None:
    _check_name(path)
    _mkdir(path, *arguments, **options)


def _take(names: dict[str, Callable[..., Any]], module: types.ModuleType) -> None:
    for name, function in names.items():
        setattr(module, name, function)


_take({"__import__": _import_as_windows, "open": _open_as_windows}, builtins)
_take({"open": _open_as_windows}, io)
_take({"replace": _rename_as_windows, "rename": _rename_to_free_name}, os)
_take({"unlink": _unlink_as_windows, "remove": _unlink_as_windows, "mkdir": _mkdir_as_windows}, os)
_PIDS.mkdir(exist_ok=True)
(_PIDS / str(os.getpid())).touch()
# Python reads and writes another encoding there unless it is told which.
warnings.filterwarnings("error", category=EncodingWarning, module=r"tl_(core|ui)\b")
