"""What is released: one version everywhere, and recipes, image and workflow module that follow setup.cfg."""

from __future__ import annotations

import configparser
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jinja2
import pytest
from small_patients import TINY, simulate_small, write_quick_command

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES, CI = ROOT / "docs/examples", ROOT / ".ci"
if not EXAMPLES.is_dir() or not CI.is_dir():
    pytest.skip("docs or .ci are not here", allow_module_level=True)
yaml = pytest.importorskip("yaml")
sys.path.insert(0, str(CI))
import packages  # noqa: E402

CONFIG = configparser.ConfigParser()
CONFIG.read(ROOT / "setup.cfg")
NAME, VERSION = CONFIG["metadata"]["name"], CONFIG["metadata"]["version"]
CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
DOCKERFILE = EXAMPLES / "container/Dockerfile"
MODULE = EXAMPLES / "nf-core/phylometa/run"
# Packages that conda names otherwise.
CONDA_NAMES = {"matplotlib": "matplotlib-base"}


def release_and_date():
    """Version and date of the newest heading of the changelog."""
    return re.search(r"^## (\S+) \((.*)\)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M).groups()


# --- one version ------------------------------------------------------------------------------------------------------


def test_setup_citation_changelog_and_the_command_say_one_version():
    done = subprocess.run([sys.executable, "-m", "phylometa", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"phylometa, version {VERSION}\n"
    assert CITATION["version"] == VERSION
    assert release_and_date() == (VERSION, str(CITATION["date-released"]))


def test_no_page_and_no_example_states_another_version():
    stated = {
        (str(path.relative_to(ROOT)), found)
        for path in (ROOT / "README.md", DOCKERFILE, *EXAMPLES.rglob("*.y*ml"), *EXAMPLES.rglob("*.nf"))
        for found in re.findall(
            r"(?:phylometa(?:-cancer)?[:=]+|version[ =:\"]+)(\d+\.\d+\.\d+)", path.read_text("utf-8")
        )
    }
    assert {name for name, _ in stated} >= {"docs/examples/container/Dockerfile", "docs/examples/bioconda/meta.yaml"}
    assert {version for _, version in stated} == {VERSION}


def test_the_record_of_the_archive_is_that_of_the_citation():
    record = json.loads((CI / "zenodo.json").read_text(encoding="utf-8"))
    assert (record["upload_type"], record["access_right"]) == ("software", "open")
    assert record["description"] and record["creators"] == CITATION["authors"]
    for ours, theirs in {
        "publication_date": "date-released",
        **{k: k for k in ("title", "license", "version")},
    }.items():
        assert record[ours] == str(CITATION[theirs]), ours
    assert record["keywords"] == CITATION["keywords"]
    assert CITATION["license"] == CONFIG["metadata"]["license"]


# --- conda ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    """The recipe of an sdist, rendered as conda-build does."""
    sdist = tmp_path_factory.mktemp("dist") / "sdist.tar.gz"
    sdist.write_bytes(b"an sdist")
    template = jinja2.Environment(undefined=jinja2.StrictUndefined).from_string(packages.recipe(sdist))
    return yaml.safe_load(template.render(PYTHON="python", pin_subpackage=lambda name, max_pin: f"{name} {max_pin}"))


def as_bounds(lines):
    return {tuple(re.match(r"([\w-]+)\s*(.*)", line.split(";")[0]).groups()) for line in lines}


def test_the_recipe_follows_setup_cfg(recipe):
    assert recipe["package"] == {"name": NAME, "version": VERSION}
    wanted = {(CONDA_NAMES.get(name, name), bound) for name, bound in as_bounds(packages.requirements())}
    run = as_bounds(recipe["requirements"]["run"])
    assert run == wanted | {("python", CONFIG["options"]["python_requires"])}
    assert ("python", CONFIG["options"]["python_requires"]) in as_bounds(recipe["requirements"]["host"])
    scripts = CONFIG["options.entry_points"]["console_scripts"].strip().splitlines()
    assert [line.replace(" ", "") for line in recipe["build"]["entry_points"]] == [s.replace(" ", "") for s in scripts]
    assert recipe["about"]["summary"] == CONFIG["metadata"]["description"]
    assert recipe["about"]["license"] == CONFIG["metadata"]["license"]


def test_the_recipe_has_what_bioconda_asks_for(recipe):
    assert re.fullmatch(r"[0-9a-f]{64}", recipe["source"]["sha256"])
    assert recipe["source"]["url"].endswith(f"/p/{NAME}/{NAME.replace('-', '_')}-{VERSION}.tar.gz")
    assert recipe["build"]["noarch"] == "python" and recipe["build"]["number"] == 0
    assert "--no-deps --no-build-isolation" in recipe["build"]["script"]
    assert recipe["build"]["run_exports"] == [f"{NAME} x.x"]
    assert (ROOT / recipe["about"]["license_file"]).is_file()
    assert "phylometa --version" in recipe["test"]["commands"]
    assert not re.search(r"(?m)^\s*- .*#\s*\[", packages.recipe(ROOT / "LICENSE")), "noarch recipes have no selectors"


# --- image ------------------------------------------------------------------------------------------------------------


def instructions():
    """(instruction, arguments) of the Dockerfile, continued lines joined."""
    text = re.sub(r"(?m)^#.*\n", "", DOCKERFILE.read_text(encoding="utf-8")).replace("\\\n", " ")
    return [tuple(line.split(maxsplit=1)) for line in text.splitlines() if line.strip()]


def test_the_image_is_rootless_pinned_and_needs_no_writable_place():
    found = instructions()
    assert "ADD" not in {name for name, _ in found}
    for _, base in [pair for pair in found if pair[0] == "FROM"]:
        assert re.match(r"[a-z]+:\d+\.\d+\.\d+-[\w-]+( AS \w+)?$", base), f"{base} is not pinned"
    last = found[max(i for i, (name, _) in enumerate(found) if name == "FROM") :]
    users = [value for name, value in last if name == "USER"]
    assert users and all(re.fullmatch(r"[1-9]\d*:[1-9]\d*", user) for user in users), "not by number, or root"
    assert not [value for name, value in last if name in ("RUN", "VOLUME")], "the image is made of what was built"
    entry = dict(last)["ENTRYPOINT"]
    assert json.loads(entry) == ["phylometa"]
    built = " ".join(value for name, value in found if name == "RUN")
    assert "chmod -R a+rX /opt/phylometa" in built, "any user id must read code and compiled kernels"
    cpus = [re.search(r"NUMBA_CPU_NAME=(\w+)", value) for name, value in found if name == "ENV"]
    assert [match[1] for match in cpus] == ["generic", "generic"], "kernels of the builder's processor alone"


def test_the_image_copies_what_the_build_needs():
    copied = [value.split()[:-1] for name, value in instructions() if name == "COPY" and "--from" not in value]
    names = {name for group in copied for name in group}
    assert all((ROOT / name).exists() for name in names)
    ignored = (EXAMPLES / "container/Dockerfile.dockerignore").read_text(encoding="utf-8").splitlines()
    assert {line[1:] for line in ignored if line.startswith("!")} == names
    assert names >= {"pyproject.toml", "setup.cfg", ".ci", "phylometa", CONFIG["metadata"]["license_files"]}


@pytest.mark.system
def test_the_image_passes_a_linter():
    if not shutil.which("hadolint"):
        pytest.skip("hadolint is not installed")
    done = subprocess.run(["hadolint", str(DOCKERFILE)], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


# --- the nf-core module -----------------------------------------------------------------------------------------------


def script_of(part):
    """The commands of a part of main.nf, as Nextflow hands them to the shell for patient C1 and no further options."""
    text = (MODULE / "main.nf").read_text(encoding="utf-8")
    body = re.search(rf'(?ms)^    {part}:\n.*?^    """\n(.*?)^    """', text)[1]
    for name, value in {
        "$sheet": "samples.tsv",
        "$args": "",
        "${meta.id}": "SMALL",
        "${task.process}": "PHYLOMETA_RUN",
        r"\$": "$",
    }.items():
        body = body.replace(name, value)
    return re.sub(r"(?m)^    ", "", body)


def outputs():
    """Paths that main.nf says it makes, for that patient."""
    text = (MODULE / "main.nf").read_text(encoding="utf-8")
    part = re.search(r"(?ms)^    output:\n(.*?)^    when:", text)[1]
    return [path.replace("${meta.id}", "SMALL") for path in re.findall(r'path\(?\s*"([^"]+)"', part)]


def test_the_module_documents_its_channels():
    meta = yaml.safe_load((MODULE / "meta.yml").read_text(encoding="utf-8"))
    text = (MODULE / "main.nf").read_text(encoding="utf-8")
    assert f"process {meta['name'].upper()} {{" in text
    assert list(meta["output"]) == re.findall(r"emit: (\w+)", text)
    assert [next(iter(part)) for part in meta["input"][0]] == re.findall(r"(?:val|path)\((\w+)\)", text)[:3]
    environment = yaml.safe_load((MODULE / "environment.yml").read_text(encoding="utf-8"))
    assert environment["channels"] == ["conda-forge", "bioconda"]
    assert environment["dependencies"] == [f"bioconda::{NAME}={VERSION}"]


@pytest.mark.system
@pytest.mark.parametrize("part", ["script", "stub"])
def test_the_module_makes_what_it_says(part, tmp_path):
    simulate_small(tmp_path, extra=TINY)
    write_quick_command(tmp_path / "quick")
    path = os.pathsep.join((str(tmp_path / "quick"), str(Path(sys.executable).parent), os.environ["PATH"]))
    command = ["bash", "-euo", "pipefail", "-c", script_of(part)]
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert outputs() and [name for name in outputs() if not (tmp_path / name).exists()] == []
    versions = yaml.safe_load((tmp_path / "versions.yml").read_text(encoding="utf-8"))
    assert versions == {"PHYLOMETA_RUN": {"phylometa": VERSION}}
