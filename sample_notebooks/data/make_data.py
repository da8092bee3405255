"""Write the two invented tables of the sample notebooks: ``wines.csv`` and ``bike_hire.csv``.

The numbers are made up, with shapes that real ones have (optima, interactions, seasons, a few flaws to clean), so that
the samples need no download and anybody may reuse them. The same seed always gives the same files. ``notes.csv``
is written by hand and not touched here. Needs NumPy and pandas: ``python make_data.py``.
"""

from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).parent


def make_wines(rng: np.random.Generator, count: int = 900) -> pd.DataFrame:
    """Return ``count`` invented wines: seven measurements each, and the mean mark of a jury (0 to 10)."""
    red = rng.random(count) < 0.45
    alcohol = rng.normal(np.where(red, 12.4, 11.4), 1.1)
    acidity = rng.normal(np.where(red, 5.4, 6.3), 0.8)
    volatile_acidity = rng.gamma(np.where(red, 6.0, 4.0), 0.07)
    sugar = rng.gamma(2.0, np.where(red, 1.2, 3.4))
    sulphates = rng.normal(0.58, 0.12, count)
    ph = 3.9 - 0.1 * acidity + rng.normal(0.0, 0.08, count)
    balance = np.clip(-0.55 * (acidity - 5.8) ** 2 - 0.035 * (sugar - np.where(red, 2.0, 7.0)) ** 2, -2.5, None)
    strength = 0.75 * np.tanh(alcohol - 11.8) * np.where(red, 1.3, 0.6)
    flaws = -1.9 * np.clip(volatile_acidity - 0.35, 0.0, None) * np.where(sulphates < 0.55, 2.0, 1.0)
    quality = np.clip(7.0 + balance + strength + flaws + rng.normal(0.0, 0.3, count), 0.0, 10.0)
    return pd.DataFrame(
        {
            "colour": np.where(red, "red", "white"),
            "alcohol": alcohol.round(1),
            "acidity": acidity.round(2),
            "volatile_acidity": volatile_acidity.round(2),
            "sugar": sugar.round(1),
            "sulphates": sulphates.round(2),
            "ph": ph.round(2),
            "quality": quality.round(1),
        }
    )


def make_bike_hire(rng: np.random.Generator) -> pd.DataFrame:
    """Return a year of daily hires with the weather: some gaps, one day entered twice, one misplaced decimal point."""
    days = pd.date_range("2024-01-01", "2024-12-31", freq="D")
    season = np.cos(2 * np.pi * (days.day_of_year.to_numpy() - 200) / 366)
    spells = np.convolve(rng.normal(0.0, 3.2, len(days) + 4), np.ones(5) / 2.6, mode="valid")
    temperature = 12.5 + 10.5 * season + spells
    rain = np.where(rng.random(len(days)) < 0.38, rng.gamma(0.9, 5.0, len(days)), 0.0)
    wind = rng.gamma(6.0, 2.2, len(days))
    working = days.day_of_week.to_numpy() < 5
    comfort = np.exp(-(((temperature - 20.0) / 11.0) ** 2)) * np.exp(-rain / 14.0) * np.exp(-wind / 90.0)
    members = rng.poisson(np.where(working, 900.0, 520.0) * (0.35 + 0.85 * comfort))
    visitors = rng.poisson(np.where(working, 190.0, 620.0) * (0.06 + 1.25 * comfort**1.6))
    table = pd.DataFrame(
        {
            "date": days.strftime("%Y-%m-%d"),
            "temperature": temperature.round(1),
            "rain": rain.round(1),
            "wind": wind.round(1),
            "members": members,
            "visitors": visitors,
        }
    )
    table.loc[rng.choice(len(days), size=6, replace=False), "temperature"] = np.nan
    table.loc[180, "temperature"] = round(float(temperature[180]) * 10, 1)
    return pd.concat([table.iloc[:97], table.iloc[[96]], table.iloc[97:]])


def main() -> None:
    """Write both tables beside this file."""
    make_wines(np.random.default_rng(20)).to_csv(HERE / "wines.csv", index=False, lineterminator="\n")
    make_bike_hire(np.random.default_rng(24)).to_csv(HERE / "bike_hire.csv", index=False, lineterminator="\n")


if __name__ == "__main__":
    main()
