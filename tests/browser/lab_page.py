"""JupyterLab as a person sees it: opening, pressing, reading what is shown. Waits for states, never for times."""

from __future__ import annotations

from pathlib import Path

from browser.lab_server import LabServer
from playwright.sync_api import Error, Locator, Page, expect

# The machine may be busy with other things: this is how long a state may take to come, not how long it is waited for.
PATIENCE = 90_000


class Lab:
    """One tab."""

    def __init__(self, page: Page, server: LabServer, pictures: Path, name: str) -> None:
        self.page = page
        self.server = server
        self.errors: list[str] = []
        self._pictures = pictures
        self._name = name
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        page.on("pageerror", self._told)
        # Shown by pytest when a test fails.
        page.on("console", lambda said: print(said.type, said.text) if said.type == "error" else None)
        page.on("requestfailed", lambda request: print("failed:", request.url, request.failure))

    def _told(self, error: Error) -> None:
        """Keep errors that come out of our code; JupyterLab and Notebook have some of their own."""
        if "extensions/nb2flow/" in (error.stack or ""):
            self.errors.append(str(error.stack))

    def open(self, notebook: Path, *, workspace: str | None = None) -> None:
        """Open a notebook and wait until its flow has been read."""
        path = notebook.relative_to(self.server.root).as_posix()
        workspace = workspace or self._name.lower()
        url = f"{self.server.url}lab/workspaces/{workspace}/tree/{path}?token={self.server.token}"
        self.page.goto(url)
        self.ready()

    def ready(self) -> None:
        """Wait until a notebook is shown and its kernel may be used."""
        self.page.wait_for_selector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell")
        self.page.wait_for_selector("#jp-main-dock-panel", state="visible")
        self.page.wait_for_selector(".jp-LabShell")

    def kernel_is_idle(self, name: str) -> None:
        """Wait until the notebook of this name is in front and its kernel waits for work."""
        script = """name => {
            const context = window.jupyterapp.shell.currentWidget?.context;
            return context?.path.endsWith(name) && context.sessionContext.session?.kernel?.status === 'idle';
        }"""
        self.page.wait_for_function(script, arg=name)

    def command(self, name: str, args: dict[str, object] | None = None) -> None:
        """Execute a command of JupyterLab by its name."""
        self.page.evaluate("([name, args]) => void window.jupyterapp.commands.execute(name, args)", [name, args or {}])

    def show_flow(self) -> Locator:
        """Open the flow panel by its icon, as one would."""
        panel = self.page.locator(".nb2flow-FlowPanel")
        if not panel.is_visible():
            self.page.locator("li.lm-TabBar-tab[data-id='nb2flow-flow']").click()
        expect(panel).to_be_visible()
        return panel

    def cell(self, number: int) -> Locator:
        """A cell of the notebook in front, counted from 0."""
        return self.page.locator(f".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell[data-windowed-list-index='{number}']")

    def badge(self, number: int) -> Locator:
        """The name on a cell's badge."""
        return self.cell(number).locator(".nb2flow-Badge-name")

    def select(self, number: int) -> None:
        """Select a cell in command mode."""
        self.cell(number).locator(".jp-InputPrompt").click()

    def keys(self, *keys: str) -> None:
        """Press keys one after the other."""
        for key in keys:
            self.page.keyboard.press(key)

    def picture(self, what: str) -> None:
        """Keep what is seen now."""
        self._pictures.mkdir(exist_ok=True)
        self.page.screenshot(path=self._pictures / f"{self._name}-{what}.png")

    def pictures(self, what: str, *, narrow: bool = True) -> None:
        """Keep what is seen now at both widths."""
        self.picture(f"{what}-1280")
        if narrow:
            # With so little room one would close the file browser.
            self.command("application:toggle-left-area")
            self.page.set_viewport_size({"width": 800, "height": 800})
            self.page.wait_for_function("() => document.body.clientWidth === 800")
            self.picture(f"{what}-800")
            self.page.set_viewport_size({"width": 1280, "height": 800})
            self.command("application:toggle-left-area")

    def theme(self, name: str) -> None:
        """Change the theme and wait until it is there."""
        self.command("apputils:change-theme", {"theme": name})
        self.page.wait_for_selector(f"body[data-jp-theme-name='{name}']", state="attached")

    def tags(self, number: int) -> list[str]:
        """The tags of a cell as the document has them now."""
        script = """number => {
            const panel = window.jupyterapp.shell.currentWidget;
            return panel.content.widgets[number].model.getMetadata('tags') ?? [];
        }"""
        return list(self.page.evaluate(script, number))
