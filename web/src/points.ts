// All points in one call: WebGL 2, one vertex a point, discs with soft edges by distance to the middle. Not instanced
// quads, as general layers draw them: a software renderer takes each instance for a call of its own (docs/web.md has the
// figures). Positions and colours lie in two buffers; panning and zooming change three numbers. Without WebGL 2 the same
// picture is painted into an ImageData, point by point.

export interface Camera {
  /** Screen = k · position + (x, y), in CSS pixels. */
  k: number;
  x: number;
  y: number;
}

export interface PointRenderer {
  readonly kind: 'webgl' | 'canvas';
  resize(width: number, height: number, ratio: number): void;
  setColours(colours: Uint8Array): void;
  draw(camera: Camera, radius: number, opacity: number): void;
}

const VERTEX = `#version 300 es
in vec2 position;
in vec4 colour;
uniform vec3 camera;
uniform vec2 size;
uniform float ratio;
uniform float radius;
out vec4 fill;
void main() {
  vec2 screen = camera.x * position + camera.yz;
  gl_Position = vec4(2.0 * screen.x / size.x - 1.0, 1.0 - 2.0 * screen.y / size.y, 0.0, 1.0);
  gl_PointSize = 2.0 * radius * ratio + 1.0;
  fill = colour;
}`;

const FRAGMENT = `#version 300 es
precision highp float;
in vec4 fill;
uniform float radius;
uniform float ratio;
uniform float opacity;
out vec4 pixel;
void main() {
  float r = radius * ratio;
  float d = length(gl_PointCoord - 0.5) * (2.0 * r + 1.0);
  float a = clamp(r + 0.5 - d, 0.0, 1.0) * fill.a * opacity;
  pixel = vec4(fill.rgb * a, a);
}`;

class WebglPoints implements PointRenderer {
  readonly kind = 'webgl';
  private uniforms: Record<string, WebGLUniformLocation | null> = {};
  private colourBuffer: WebGLBuffer | null = null;
  private colours: Uint8Array;
  private width = 1;
  private height = 1;
  private ratio = 1;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly gl: WebGL2RenderingContext,
    private readonly positions: Float32Array,
    redraw: () => void
  ) {
    this.colours = new Uint8Array(2 * positions.length);
    this.prepare();
    canvas.addEventListener('webglcontextlost', (event) => event.preventDefault());
    canvas.addEventListener('webglcontextrestored', () => {
      this.prepare();
      redraw();
    });
  }

  private shader(type: number, source: string): WebGLShader {
    const shader = this.gl.createShader(type)!;
    this.gl.shaderSource(shader, source);
    this.gl.compileShader(shader);
    return shader;
  }

  private prepare(): void {
    const { gl } = this;
    const program = gl.createProgram();
    gl.attachShader(program, this.shader(gl.VERTEX_SHADER, VERTEX));
    gl.attachShader(program, this.shader(gl.FRAGMENT_SHADER, FRAGMENT));
    gl.bindAttribLocation(program, 0, 'position');
    gl.bindAttribLocation(program, 1, 'colour');
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost())
      throw new Error(gl.getProgramInfoLog(program) ?? 'the shaders do not link');
    gl.useProgram(program);
    for (const name of ['camera', 'size', 'ratio', 'radius', 'opacity']) this.uniforms[name] = gl.getUniformLocation(program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    gl.bufferData(gl.ARRAY_BUFFER, this.positions, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 2, gl.FLOAT, false, 0, 0);
    this.colourBuffer = gl.createBuffer();
    gl.bindBuffer(gl.ARRAY_BUFFER, this.colourBuffer);
    gl.bufferData(gl.ARRAY_BUFFER, this.colours, gl.DYNAMIC_DRAW);
    gl.enableVertexAttribArray(1);
    gl.vertexAttribPointer(1, 4, gl.UNSIGNED_BYTE, true, 0, 0);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.clearColor(0, 0, 0, 0);
  }

  resize(width: number, height: number, ratio: number): void {
    this.width = width;
    this.height = height;
    this.ratio = ratio;
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(height * ratio);
  }

  setColours(colours: Uint8Array): void {
    this.colours = colours;
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.colourBuffer);
    gl.bufferSubData(gl.ARRAY_BUFFER, 0, colours);
  }

  draw(camera: Camera, radius: number, opacity: number): void {
    const { gl, uniforms } = this;
    gl.viewport(0, 0, this.canvas.width, this.canvas.height);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.uniform3f(uniforms['camera']!, camera.k, camera.x, camera.y);
    gl.uniform2f(uniforms['size']!, this.width, this.height);
    gl.uniform1f(uniforms['ratio']!, this.ratio);
    gl.uniform1f(uniforms['radius']!, radius);
    gl.uniform1f(uniforms['opacity']!, opacity);
    gl.drawArrays(gl.POINTS, 0, this.positions.length / 2);
  }
}

class CanvasPoints implements PointRenderer {
  readonly kind = 'canvas';
  private readonly context: CanvasRenderingContext2D;
  private colours: Uint8Array;
  private width = 1;
  private height = 1;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly positions: Float32Array
  ) {
    this.context = canvas.getContext('2d')!;
    this.colours = new Uint8Array(2 * positions.length);
  }

  resize(width: number, height: number): void {
    this.width = this.canvas.width = Math.round(width);
    this.height = this.canvas.height = Math.round(height);
  }

  setColours(colours: Uint8Array): void {
    this.colours = colours;
  }

  draw(camera: Camera, radius: number, opacity: number): void {
    const { width, height, positions, colours } = this;
    const image = new ImageData(width, height);
    const { data } = image;
    const reach = Math.ceil(radius + 0.5);
    for (let i = 0; i < positions.length / 2; i++) {
      const cx = camera.k * positions[2 * i]! + camera.x;
      const cy = camera.k * positions[2 * i + 1]! + camera.y;
      if (!(cx > -reach && cy > -reach && cx < width + reach && cy < height + reach)) continue;
      const strength = (colours[4 * i + 3]! / 255) * opacity;
      for (let py = Math.max(0, Math.floor(cy - reach)); py < Math.min(height, cy + reach); py++)
        for (let px = Math.max(0, Math.floor(cx - reach)); px < Math.min(width, cx + reach); px++) {
          const a = Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(px + 0.5 - cx, py + 0.5 - cy))) * strength;
          if (a === 0) continue;
          const at = 4 * (py * width + px);
          const under = (data[at + 3]! / 255) * (1 - a);
          const total = a + under;
          for (let c = 0; c < 3; c++) data[at + c] = (colours[4 * i + c]! * a + data[at + c]! * under) / total;
          data[at + 3] = 255 * total;
        }
    }
    this.context.putImageData(image, 0, 0);
  }
}

/** Draws into `canvas`; positions are x, y, x, y …, y downwards. `redraw` is called when a lost context came back. */
export function pointRenderer(canvas: HTMLCanvasElement, positions: Float32Array, redraw: () => void): PointRenderer {
  try {
    // The discs' edges are soft already: multisampling would only cost.
    const gl = canvas.getContext('webgl2', { antialias: false, depth: false, alpha: true, powerPreference: 'high-performance' });
    if (gl) return new WebglPoints(canvas, gl, positions, redraw);
  } catch (error) {
    console.warn('points are painted without WebGL:', error);
    // A canvas that had one kind of context gives no other.
    const fresh = canvas.cloneNode() as HTMLCanvasElement;
    canvas.replaceWith(fresh);
    return new CanvasPoints(fresh, positions);
  }
  return new CanvasPoints(canvas, positions);
}
