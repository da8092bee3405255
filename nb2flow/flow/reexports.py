"""Names under which libraries give what others define: `pylab.randn` is NumPy's, `pylab.plt` is matplotlib.pyplot.

Only under the name where a thing is defined do the tables know it.
"""

from __future__ import annotations

from functools import lru_cache

from nb2flow.flow.known import each

_PYPLOT = frozenset(
    each(
        """
        acorr angle_spectrum annotate arrow autoscale autumn axes axhline axhspan axis axline axvline axvspan bar
        bar_label barbs barh bone box boxplot broken_barh cla clabel clf clim close cm cohere colorbar colormaps
        connect contour contourf cool copper csd cycler delaxes disconnect draw draw_all draw_if_interactive ecdf
        errorbar eventplot figaspect figimage figlegend fignum_exists figtext figure fill fill_between
        fill_betweenx findobj flag gca gcf gci get get_backend get_cmap get_current_fig_manager get_figlabels
        get_fignums get_plot_commands get_scale_names getp ginput gray grid grouped_bar hexbin hist hist2d hlines
        hold hot hsv imread imsave imshow inferno install_repl_displayhook interactive ioff ion ishold
        isinteractive jet legend locator_params loglog magma magnitude_spectrum margins matshow minorticks_off
        minorticks_on new_figure_manager nipy_spectral over pause pcolor pcolormesh phase_spectrum pie pink plasma
        plot plot_date plotfile polar prism psd quiver quiverkey rc rcParams rcParamsDefault rcParamsOrig
        rc_context rcdefaults register_cmap rgrids savefig sca scatter sci semilogx semilogy set_cmap set_loglevel
        setp show specgram spring spy stackplot stairs stem step streamplot style subplot subplot2grid
        subplot_mosaic subplot_tool subplots subplots_adjust summer suptitle switch_backend table text thetagrids
        tick_params ticklabel_format tight_layout title tricontour tricontourf tripcolor triplot twinx twiny
        uninstall_repl_displayhook violinplot viridis vlines waitforbuttonpress winter xcorr xkcd xlabel xlim
        xscale xticks ylabel ylim yscale yticks
        """,
        True,
    )
)
_RANDOM = frozenset(
    each(
        """
        beta binomial bytes chisquare choice default_rng dirichlet exponential f gamma geometric get_state gumbel
        hypergeometric laplace logistic lognormal logseries multinomial multivariate_normal negative_binomial
        noncentral_chisquare noncentral_f normal pareto permutation poisson power rand randint randn random
        random_integers random_sample ranf rayleigh sample seed set_state shuffle standard_cauchy
        standard_exponential standard_gamma standard_normal standard_t triangular uniform vonmises wald weibull
        zipf
        """,
        True,
    )
)
_LINALG = frozenset(
    each(
        """
        cholesky cond det eig eigh eigvals eigvalsh inv lstsq matrix_power matrix_rank multi_dot norm pinv qr
        slogdet solve svd tensorinv tensorsolve
        """,
        True,
    )
)
_FFT = frozenset(
    each(
        """
            fft fft2 fftfreq fftn fftshift hfft ifft ifft2 ifftn ifftshift ihfft
            irfft irfft2 irfftn rfft rfft2 rfftfreq rfftn
        """,
        True,
    )
)
_PYLAB = "matplotlib.pylab"
_MODULES = {
    "pylab": _PYLAB,
    f"{_PYLAB}.plt": "matplotlib.pyplot",
    f"{_PYLAB}.mpl": "matplotlib",
    f"{_PYLAB}.np": "numpy",
    f"{_PYLAB}.cbook": "matplotlib.cbook",
    f"{_PYLAB}.mlab": "matplotlib.mlab",
    "matplotlib.pyplot.mpl": "matplotlib",
    "matplotlib.pyplot.matplotlib": "matplotlib",
    "matplotlib.pyplot.np": "numpy",
    "seaborn.plt": "matplotlib.pyplot",
    "seaborn.mpl": "matplotlib",
    "pandas.np": "numpy",
    "scipy.random": "numpy.random",
    "scipy.rand": "numpy.random.rand",
    "scipy.randn": "numpy.random.randn",
}


@lru_cache(maxsize=8192)
def defined_as(path: str) -> str:
    """The path of a module, or of something in one, where it is defined."""
    parts = path.split(".")
    for k in range(1, min(len(parts), 3) + 1):
        known = _MODULES.get(".".join(parts[:k]))
        if known is not None:
            return defined_as(".".join([known, *parts[k:]]))
    if parts[:2] == ["matplotlib", "pylab"] and len(parts) > 2:
        return ".".join([_home(parts[2]), *parts[2:]])
    return path


def _home(name: str) -> str:
    """The module from which pylab has a name. NumPy has most."""
    if name in _PYPLOT or name[:1].isupper():
        return "matplotlib.pyplot"
    if name in _RANDOM:
        return "numpy.random"
    return "numpy.linalg" if name in _LINALG else "numpy.fft" if name in _FFT else "numpy"
