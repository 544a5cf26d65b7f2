"""The places that have a name, as ``brot-client views`` lists them.

>>> import brot
>>> brot.VIEWS["seahorse"].title
'seahorse valley'
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class View:
    """Centre and width in the complex plane as decimal numbers, degrees counter-clockwise, and
    ``iterations`` that show the place well. ``formula``: with its parameters, as ``render()`` takes
    it."""

    name: str
    title: str
    formula: str
    re: str
    im: str
    width: str
    rotate: int
    iterations: int


def _by_name(views: Iterable[View]) -> dict[str, View]:
    return {view.name: view for view in views}


VIEWS: dict[str, View] = _by_name((
    View("home", "the whole set", "mandelbrot", "-0.75", "0", "4", 0, 500),
    View("seahorse", "seahorse valley", "mandelbrot", "-0.7453", "0.1127", "0.0065", 0, 10000),
    View("seahorse-tail", "a seahorse's tail with an island in it", "mandelbrot",
         "-0.743643887037158704752191506114774", "0.131825904205311970493132056385139", "3e-5", 0,
         5000),
    View("seahorse-deep", "the end of the same zoom", "mandelbrot",
         "-0.743643887037158704752191506114774", "0.131825904205311970493132056385139", "2e-10", 0,
         20000),
    View("elephant", "elephant valley", "mandelbrot", "0.276", "0.0069", "0.006", 0, 2000),
    View("triple-spiral", "the valley of spirals with three arms", "mandelbrot", "-0.0885", "0.655",
         "0.004", 0, 2000),
    View("quad-spiral", "the valley of spirals with four arms", "mandelbrot", "0.2747", "0.485",
         "0.0024", 0, 2000),
    View("minibrot", "the island of period 3 on the real axis", "mandelbrot",
         "-1.754877666246692760049509", "0", "0.06", 0, 2000),
    View("scepter", "scepter valley", "mandelbrot", "-1.254", "0.0243", "0.006", 0, 2000),
    View("feigenbaum", "the Myrberg-Feigenbaum point, where the doubling of periods ends",
         "mandelbrot", "-1.401155189092050606", "0", "0.02", 0, 5000),
    View("dendrite", "the dendrite at i, a Misiurewicz point", "mandelbrot", "-0.02", "1", "0.1", 0,
         1000),
    View("misiurewicz", "a branch point with three arms, Misiurewicz point M4,1", "mandelbrot",
         "-0.1010963638456221610257854", "0.9562865108091415007710961", "0.02", 0, 2000),
    View("antenna", "where the bands of chaos merge, Misiurewicz point M3,1", "mandelbrot",
         "-1.543689012692076361570856", "0", "0.02", 0, 2000),
    View("san-marco", "the cleft between cardioid and disc, at the San Marco point", "mandelbrot",
         "-0.75", "0.07", "0.2", 0, 5000),
    View("starfish", "a star of seahorses", "mandelbrot", "-0.374004139", "0.659792175", "0.004", 0,
         2000),
    View("julia-island", "an island in the shape of a Julia set", "mandelbrot", "-1.768778833",
         "-0.001738996", "5e-7", 0, 5000),
    View("tante-renate", "Tante Renate, a spiral", "mandelbrot", "-0.7756837680090538",
         "0.1364673689637", "4e-5", 0, 5000),
    View("sun", "a sun of seahorses", "mandelbrot", "-0.776592847", "-0.136640848", "4e-5", 0,
         5000),
    View("rabbit", "the bulb of period 3", "mandelbrot", "-0.1225611668766536199752456",
         "0.7448617666197442365931704", "0.4", 0, 1000),
    View("crown", "the island of period 4 above it", "mandelbrot", "-0.1565201668337550617989867",
         "1.032247108922831801671602", "0.06", 0, 2000),
    View("needle", "an island near the tip of the needle", "mandelbrot", "-1.985424253054205", "0",
         "0.0006", 0, 2000),
    View("shell", "a shell at the edge of seahorse valley", "mandelbrot", "-0.7269", "0.1889",
         "0.003", 0, 20000),
    View("lightning", "a bolt of lightning", "mandelbrot", "-1.315180982097868",
         "0.073481649996795", "1e-4", 0, 3000),
    View("galaxy", "a pair of galaxies", "mandelbrot", "-0.761574", "-0.0847596", "1e-4", 0, 3000),
    View("veil", "a veil behind a spiral", "mandelbrot", "-1.479946", "0.000794", "1e-4", 0, 5000),
    View("tree", "a tree of sparks", "mandelbrot", "0.27322626", "0.595153338", "3e-4", 0, 2000),
    View("julia-rabbit", "Douady's rabbit", "julia:-0.1225611668766536,0.7448617666197442", "0",
         "0", "4", 0, 500),
    View("julia-san-marco", "the waist of the Julia set of San Marco", "julia:-0.75,0", "-0.5", "0",
         "1.2", 0, 1000),
    View("julia-siegel", "a Julia set around a Siegel disc",
         "julia:-0.3905408702184,-0.5867879073469687", "0", "0", "3.6", 0, 2000),
    View("julia-dendrite", "the dendrite, the Julia set of i", "julia:0,1", "0", "0", "4", 0, 500),
    View("julia-spirals", "a Julia set of spirals", "julia:-0.8,0.156", "0", "0", "3.6", 0, 2000),
    View("julia-dust", "a Julia set that is dust", "julia:-0.70176,-0.3842", "0", "0", "3.6", 0,
         1000),
    View("julia-eyes", "spirals around eyes in a Julia set", "julia:0.285,0.01", "0.12", "-0.72",
         "0.8", 0, 2000),
    View("multibrot-3", "the multibrot set of power 3", "multibrot:3", "0", "0", "4.6", 0, 500),
    View("multibrot-4", "the multibrot set of power 4", "multibrot:4", "-0.1", "0", "4.4", 0, 500),
    View("multibrot-5", "the multibrot set of power 5", "multibrot:5", "0", "0", "4.2", 0, 500),
    View("multibrot-6", "the multibrot set of power 6", "multibrot:6", "0", "0", "4.2", 0, 500),
    View("multibrot-3-coast", "a bulb of the multibrot set of power 3", "multibrot:3", "0.24",
         "0.97", "0.35", 0, 1000),
    View("burning-ship", "the whole burning ship, the right way up", "burning-ship", "-0.5", "-0.5",
         "5", 180, 500),
    View("ship", "the ship that burns, on the needle", "burning-ship", "-1.755", "-0.032", "0.16",
         180, 1000),
    View("armada", "a ship between towers", "burning-ship", "-1.625", "-0.02", "0.12", 180, 1000),
    View("ship-far", "a ship far out on the needle", "burning-ship", "-1.9412", "-0.0015", "0.012",
         180, 1000),
    View("tricorn", "the whole tricorn", "tricorn", "-0.25", "0", "6.4", 0, 500),
    View("tricorn-island", "a small tricorn on the real axis", "tricorn",
         "-1.754877666246692760049509", "0", "0.1", 0, 1000),
    View("tricorn-coast", "lightning above the tricorn's arm", "tricorn", "-1.1", "0.17", "0.5", 0,
         1000),
))
