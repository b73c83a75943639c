"""From a task to the notifier: a failed gate, a missing delivery, a task that broke."""

from typing import Any

from airflow.sdk.exceptions import AirflowFailException


class Alerted(AirflowFailException):
    """Fails a task for good after its alerts have been sent; another try would change nothing."""


def default_args(team: str) -> dict[str, Any]:
    """Owner, retries and the alert of every task of a DAG."""
    return {
        "owner": team,
        "retries": 2,
        "retry_delay": 30,
        "on_failure_callback": alert_failure,
    }


def alert_failure(context: Any) -> None:
    """Tell the notifier about a task that broke, unless it has told already."""
    from countinghouse.notifier import Alert, notifier
    from countinghouse.settings import load

    error, run = context.get("exception"), context["dag_run"]
    if isinstance(error, Alerted):
        return
    task = context["task_instance"]
    clear = f"airflow tasks clear {run.dag_id} --task-regex {task.task_id} --only-failed"
    notifier(load()).notify(
        Alert(
            table=f"{run.dag_id}.{task.task_id}",
            partition=run.partition_key or run.run_id,
            rule="the task runs to its end",
            message=str(error),
            command=f"countinghouse {clear}",
        )
    )


def fail_loudly(problems: list[dict[str, Any]]) -> None:
    """Alert about each problem, then fail the task without another try."""
    from countinghouse.notifier import Alert, notifier
    from countinghouse.settings import load

    alerts = [Alert(**problem) for problem in problems]
    for alert in alerts:
        notifier(load()).notify(alert)
    if alerts:
        raise Alerted("\n".join(alert.line() for alert in alerts))
