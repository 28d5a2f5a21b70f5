"""The build backend: setuptools, with the list of the sdist's files beside this module rather than at the top level."""

from setuptools.build_meta import *  # noqa: F403
from setuptools.command.egg_info import manifest_maker

manifest_maker.template = ".ci/MANIFEST.in"
