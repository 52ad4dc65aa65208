/**
 * Functions of real numbers, made of IEEE operations alone: what the runtime offers may differ in the last bit from one
 * version to the next, and replicas must agree. Results are within some units of the 15th digit.
 */

const LN2_HIGH = 0.6931471803691238
const LN2_LOW = 1.9082149292705877e-10
const HALF_PI = Math.PI / 2
/** What Math.PI lacks to π. */
const PI_REST = 1.2246467991473532e-16
/** Beyond it angles are not reduced to anything meaningful. */
const ANGLE_MAX = 2 ** 40
const MIN_EXPONENT = -1_100
const MAX_EXPONENT = 1_100

/** value = mantissa * 2^exponent with 0.5 <= |mantissa| < 1; 0 for what has none. */
export function splitExponent(value: number): [mantissa: number, exponent: number] {
  if (value === 0 || !Number.isFinite(value)) return [value, 0]
  let mantissa = value
  let exponent = 0
  while (Math.abs(mantissa) >= 1) {
    const big = Math.abs(mantissa) >= 2 ** 32
    mantissa /= big ? 2 ** 32 : 2
    exponent += big ? 32 : 1
  }
  while (Math.abs(mantissa) < 0.5) {
    const small = Math.abs(mantissa) < 2 ** -33
    mantissa *= small ? 2 ** 32 : 2
    exponent -= small ? 32 : 1
  }
  return [mantissa, exponent]
}

/** value * 2^exponent, in steps that neither overflow nor vanish before the end. */
export function scaleExponent(value: number, exponent: number): number {
  let left = Math.max(-2_200, Math.min(2_200, Math.trunc(exponent)))
  let scaled = value
  for (; left > 0; left -= Math.min(left, 512)) scaled *= exactPower2(Math.min(left, 512))
  for (; left < 0; left += Math.min(-left, 512)) scaled /= exactPower2(Math.min(-left, 512))
  return scaled
}

function exactPower2(exponent: number): number {
  let result = 1
  for (let i = 0; i < exponent; i++) result *= 2
  return result
}

export function exponentialOf(x: number): number {
  if (Number.isNaN(x)) return x
  if (x > MAX_EXPONENT) return Number.POSITIVE_INFINITY
  if (x < MIN_EXPONENT) return 0
  const k = Math.round(x / Math.LN2)
  const r = x - k * LN2_HIGH - k * LN2_LOW
  let term = 1
  let sum = 1
  for (let n = 1; n < 24; n++) {
    term *= r / n
    sum += term
  }
  return scaleExponent(sum, k)
}

/** The natural logarithm. */
export function logarithm(x: number): number {
  if (Number.isNaN(x) || x < 0) return Number.NaN
  if (x === 0) return Number.NEGATIVE_INFINITY
  if (x === Number.POSITIVE_INFINITY) return x
  let [m, k] = splitExponent(x)
  if (m < Math.SQRT1_2) {
    m *= 2
    k--
  }
  const s = (m - 1) / (m + 1)
  const square = s * s
  let sum = 0
  for (let n = 39; n >= 1; n -= 2) sum = sum * square + 1 / n
  return k * LN2_HIGH + (k * LN2_LOW + 2 * s * sum)
}

export function logarithm10(x: number): number {
  const found = logarithm(x) / Math.LN10
  const whole = Math.round(found)
  return Math.abs(whole) < 300 && power(10, whole) === x ? whole : found
}

/** x^y as pow() has it; exact where y is a small integer and the result fits. */
export function power(x: number, y: number): number {
  if (y === 0 || x === 1) return 1
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.NaN
  if (y === 0.5 && x >= 0) return Math.sqrt(x)
  if (Number.isInteger(y) && Math.abs(y) <= 1_024) return integerPower(x, y)
  const size = Math.abs(x)
  if (!Number.isFinite(y)) return infinitePower(size, y > 0)
  const isOdd = Number.isInteger(y) && Math.abs(y % 2) === 1
  if (size === 0) {
    const found = y > 0 ? 0 : Number.POSITIVE_INFINITY
    return isOdd && Object.is(x, -0) ? -found : found
  }
  if (x < 0 && !Number.isInteger(y))
    return size === Number.POSITIVE_INFINITY ? (y > 0 ? size : 0) : Number.NaN
  const found = size === Number.POSITIVE_INFINITY ? (y > 0 ? size : 0) : exponentialOf(y * logarithm(size))
  return x < 0 && isOdd ? -found : found
}

function infinitePower(size: number, isUp: boolean): number {
  if (size === 1) return 1
  return size > 1 === isUp ? Number.POSITIVE_INFINITY : 0
}

function integerPower(x: number, y: number): number {
  let result = 1
  let base = x
  for (let left = Math.abs(y); left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result *= base
    base *= base
  }
  if (y > 0) return result
  // 1/∞ would lose what a smaller result still is.
  return Number.isFinite(result) ? 1 / result : integerPower(1 / x, -y)
}

export function sine(x: number): number {
  return wave(x, 0)
}

export function cosine(x: number): number {
  return wave(x, 1)
}

/** The sine of x plus so many quarter turns. */
function wave(x: number, quarters: number): number {
  if (!(Math.abs(x) < ANGLE_MAX)) return Number.NaN
  const k = Math.round(x / HALF_PI)
  const r = x - k * HALF_PI - (k * PI_REST) / 2
  const quadrant = (((k + quarters) % 4) + 4) % 4
  const found = quadrant % 2 === 0 ? sineSeries(r) : cosineSeries(r)
  return quadrant < 2 ? found : -found
}

function sineSeries(r: number): number {
  let term = r
  let sum = r
  for (let n = 2; n < 24; n += 2) {
    term *= (-r * r) / (n * (n + 1))
    sum += term
  }
  return sum
}

function cosineSeries(r: number): number {
  let term = 1
  let sum = 1
  for (let n = 1; n < 24; n += 2) {
    term *= (-r * r) / (n * (n + 1))
    sum += term
  }
  return sum
}

export function arcTangent(x: number): number {
  if (Number.isNaN(x)) return x
  if (Math.abs(x) > 1) return (x > 0 ? HALF_PI : -HALF_PI) - arcTangent(1 / x)
  // Halving the angle twice makes the series short.
  const half = x / (1 + Math.sqrt(1 + x * x))
  const quarter = half / (1 + Math.sqrt(1 + half * half))
  const square = -quarter * quarter
  let sum = 0
  for (let n = 31; n >= 1; n -= 2) sum = sum * square + 1 / n
  return 4 * quarter * sum
}

/** The angle of the point (x, y). */
export function arcTangent2(y: number, x: number): number {
  if (Number.isNaN(x) || Number.isNaN(y)) return Number.NaN
  const isNegative = x < 0 || Object.is(x, -0)
  const sign = y < 0 || Object.is(y, -0) ? -1 : 1
  if (y === 0) return isNegative ? sign * Math.PI : y
  if (x === 0) return sign * HALF_PI
  if (!Number.isFinite(x) && !Number.isFinite(y)) return sign * (isNegative ? 3 : 1) * (Math.PI / 4)
  const angle = arcTangent(y / x)
  return isNegative ? angle + sign * Math.PI : angle
}

export function arcSine(x: number): number {
  return Math.abs(x) > 1 ? Number.NaN : arcTangent2(x, Math.sqrt((1 - x) * (1 + x)))
}

export function arcCosine(x: number): number {
  return Math.abs(x) > 1 ? Number.NaN : arcTangent2(Math.sqrt((1 - x) * (1 + x)), x)
}

export function hyperbolicSine(x: number): number {
  if (Math.abs(x) < 0.5) {
    let term = x
    let sum = x
    for (let n = 2; n < 24; n += 2) {
      term *= (x * x) / (n * (n + 1))
      sum += term
    }
    return sum
  }
  return (exponentialOf(x) - exponentialOf(-x)) / 2
}

export function hyperbolicCosine(x: number): number {
  return (exponentialOf(x) + exponentialOf(-x)) / 2
}

export function hyperbolicTangent(x: number): number {
  if (Math.abs(x) > 22) return Math.sign(x)
  return hyperbolicSine(x) / hyperbolicCosine(x)
}
