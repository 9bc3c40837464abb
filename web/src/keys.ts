// The keyboard. "/" and "?" work everywhere but in a text field and can be switched off (WCAG 2.1.4); the others work while
// the picture has the focus. Arrows go to a true neighbour: the one nearest by the vectors among those that the picture
// shows in that direction, so a neighbour far away in the picture is reached as well as one beside.

export interface Commands {
  search(): void;
  help(): void;
  escape(): void;
  zoom(times: number): void;
  fit(): void;
  pan(x: number, y: number): void;
  toward(dx: number, dy: number, name: string): void;
  neighbour(rank: number): void;
  list(): void;
  back(): void;
  singleKeys(): boolean;
}

const ARROWS: Record<string, [number, number, string]> = {
  ArrowLeft: [-1, 0, 'left'],
  ArrowRight: [1, 0, 'right'],
  ArrowUp: [0, -1, 'up'],
  ArrowDown: [0, 1, 'down'],
};

function typing(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && (target.isContentEditable || /^(input|select|textarea)$/i.test(target.tagName));
}

export function listen(picture: HTMLElement, commands: Commands): void {
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.key === 'Escape') {
      if (!document.querySelector('dialog[open]')) commands.escape();
      return;
    }
    if (typing(event.target) || document.querySelector('dialog[open]')) return;
    if (commands.singleKeys() && (event.key === '/' || event.key === '?')) {
      event.preventDefault();
      if (event.key === '/') commands.search();
      else commands.help();
    }
  });
  picture.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = ARROWS[event.key];
    if (arrow) {
      if (event.shiftKey) commands.pan(120 * arrow[0], 120 * arrow[1]);
      else commands.toward(...arrow);
    } else if (event.key === '+' || event.key === '=') commands.zoom(1.6);
    else if (event.key === '-' || event.key === '_') commands.zoom(1 / 1.6);
    else if (event.key === '0' || event.key === 'Home') commands.fit();
    else if (/^[1-9]$/.test(event.key)) commands.neighbour(Number(event.key));
    else if (event.key === 'Enter') commands.list();
    else if (event.key === 'Backspace') commands.back();
    else return;
    event.preventDefault();
  });
}
