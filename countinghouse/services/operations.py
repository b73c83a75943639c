"""Which Connect operations the engine still executes, as its UI shows.

Connect itself does not say when an interrupted operation has ended, and closes a session while one
is in the middle of a metastore call, which then still takes effect. And an operation that is
interrupted just before it submits its job leaves that running, on slots that others need.
"""

import json
import re
import time
import urllib.parse
import urllib.request
from collections.abc import Collection

from countinghouse.settings import Settings

_THREAD = re.compile(r"SparkConnectExecuteThread_opId=([0-9a-f-]{36})")
_LISTED = re.compile(r"_Operation_([0-9a-f-]{36})")
_TOKEN = re.compile(r'name="csrfToken" value="([0-9a-f]+)"')
_POLL_SECONDS = 0.1


def await_end(settings: Settings, operation_ids: Collection[str], *, deadline: float) -> None:
    """Return when none of the operations executes any more; raises TimeoutError, or OSError."""
    if not operation_ids:
        return
    end = time.monotonic() + deadline
    while left := executing(settings, deadline=deadline).intersection(operation_ids):
        if time.monotonic() > end:
            raise TimeoutError(f"still executing after {deadline:g} s: {', '.join(sorted(left))}")
        time.sleep(_POLL_SECONDS)


def await_job(settings: Settings, session_id: str, *, deadline: float) -> None:
    """Return when a job of the session is listed, whatever has become of it.

    Raises TimeoutError, or OSError.
    """
    end = time.monotonic() + deadline
    while not _jobs(settings, session_id, deadline):
        if time.monotonic() > end:
            raise TimeoutError(f"no job was listed within {deadline:g} s")
        time.sleep(_POLL_SECONDS)


def end_jobs(settings: Settings, session_id: str, *, deadline: float) -> None:
    """Kill the jobs that a session has left behind, none of whose operations executes any more.

    Raises TimeoutError, or OSError.
    """
    end = time.monotonic() + deadline
    unseen = 0
    # A job that was submitted a moment ago is not listed yet.
    while unseen < 2:
        jobs = _jobs(settings, session_id, deadline)
        left = [job for job, status in jobs.items() if status == "RUNNING"]
        unseen = 0 if left else unseen + 1
        if left and time.monotonic() > end:
            raise TimeoutError(f"jobs still running after {deadline:g} s: {left}")
        for job in left:
            _kill(settings, job, deadline)
        time.sleep(_POLL_SECONDS)


def _kill(settings: Settings, job: int, deadline: float) -> None:
    """As the button on the page does, which has a token of its own against forged requests."""
    token = _TOKEN.search(_get(settings, "jobs/", deadline).decode())
    # Without a button nothing runs any more.
    if token:
        form = urllib.parse.urlencode({"id": job, "csrfToken": token[1]})
        _get(settings, "jobs/job/kill/", deadline, form.encode())


def _jobs(settings: Settings, session_id: str, deadline: float) -> dict[int, str]:
    """Jobs whose tags name the session, and their status."""
    listed = json.loads(_get(settings, f"{_application(settings, deadline)}/jobs", deadline))
    return {
        job["jobId"]: job["status"]
        for job in listed
        if any(session_id in tag for tag in job["jobTags"])
    }


def of_session(settings: Settings, session_id: str, *, deadline: float) -> set[str]:
    """Ids of the session's last operations, ended or not; raises OSError."""
    page = _get(settings, f"connect/session/?id={session_id}", deadline)
    return set(_LISTED.findall(page.decode()))


def executing(settings: Settings, *, deadline: float) -> set[str]:
    """Ids of all operations that have a thread now; raises OSError when the engine is silent."""
    dump = _get(settings, f"{_application(settings, deadline)}/executors/driver/threads", deadline)
    matches = (_THREAD.match(thread["threadName"]) for thread in json.loads(dump))
    return {match[1] for match in matches if match}


def _application(settings: Settings, deadline: float) -> str:
    root = "api/v1/applications"
    return f"{root}/{json.loads(_get(settings, root, deadline))[0]['id']}"


def _get(settings: Settings, path: str, deadline: float, form: bytes | None = None) -> bytes:
    address = f"http://127.0.0.1:{settings.spark_ui_port}/{path}"
    with urllib.request.urlopen(address, form, timeout=deadline) as answer:
        return bytes(answer.read())
