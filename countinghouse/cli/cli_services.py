"""Commands `up`, `down`, `logs`, `docs`, `doctor`, `clean` and `airflow`."""

import subprocess

import typer

from countinghouse import doctor as doctor_module
from countinghouse import settings as settings_module
from countinghouse.services import airflow as airflow_module
from countinghouse.services import control
from countinghouse.settings import Settings


def up(airflow: bool = typer.Option(True, help="Also start Airflow.")) -> None:
    """Start PostgreSQL, the engine and Airflow, and wait until they are healthy."""
    settings = settings_module.load()
    started = control.up(settings, with_airflow=airflow)
    typer.echo("countinghouse is up" if started else "countinghouse was up already")
    for line in addresses(settings):
        typer.echo(line)


def down() -> None:
    """Stop everything that belongs to this installation."""
    stopped = control.down(settings_module.load())
    typer.echo("countinghouse is down" if stopped else "nothing was running")


def logs(
    component: str = typer.Argument("engine", help="A name that `status` prints."),
    lines: int = typer.Option(50, "--lines", "-n", help="How many of the last lines."),
    follow: bool = typer.Option(False, "--follow", "-f", help="Go on until interrupted."),
) -> None:
    """Print the end of a component's log."""
    settings = settings_module.load()
    files = [str(path) for path in control.log_files(settings, component)]
    subprocess.run(["tail", "-n", str(lines), *(["-F"] if follow else []), *files], check=False)


def docs() -> None:
    """Write dbt docs and Data Docs anew, as the DAG `nightly` does."""
    from countinghouse import docs as docs_module

    for page in docs_module.generate(settings_module.load()):
        typer.echo(page)


def doctor() -> None:
    """Check Java, Python, memory, disk and ports; the exit code is 1 when something is missing."""
    settings = settings_module.load()
    found = doctor_module.checks(settings, running=control.running(settings))
    typer.echo("\n".join(doctor_module.lines(found)))
    if not all(check.ok for check in found):
        raise typer.Exit(1)


def airflow(context: typer.Context) -> None:
    """Run an Airflow command against this installation, as in `airflow dags list`."""
    raise typer.Exit(airflow_module.run_cli(settings_module.load(), context.args))


def clean(yes: bool = typer.Option(False, "--yes", help="Do not ask.")) -> None:
    """Stop everything and delete all state of this installation, deliveries included."""
    settings = settings_module.load()
    if settings.home.exists():
        if not yes:
            typer.confirm(f"delete the installation in {settings.home}?", abort=True)
        control.remove(settings)


def addresses(settings: Settings) -> list[str]:
    """Where to find what runs, for people."""
    lines = [
        f"Spark Connect  sc://localhost:{settings.connect_port}",
        f"Thrift (SQL)   jdbc:hive2://127.0.0.1:{settings.thrift_port}",
        f"Spark UI       http://127.0.0.1:{settings.spark_ui_port}",
    ]
    if control.runs_airflow(settings):
        password = settings.home / "secrets" / "airflow_password"
        lines.append(
            f"Airflow        http://127.0.0.1:{settings.airflow_port}"
            f"  user {airflow_module.USER}, password in {password}"
        )
    return lines


def register(app: typer.Typer) -> None:
    """Add these commands to the command line."""
    for command in (up, down, logs, docs, doctor, clean):
        app.command()(command)
    passed_on = {"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []}
    app.command(context_settings=passed_on)(airflow)
