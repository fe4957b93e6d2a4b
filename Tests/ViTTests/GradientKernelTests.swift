import CKernels
import Foundation
import Testing

/// Each kernel of the reverse pass against the plain definition in double precision.
@Suite struct GradientKernelTests {
    private static func values(_ count: Int, seed: UInt64, spread: Float = 4) -> [Float] {
        KernelTests.values(count, seed: seed, spread: spread)
    }

    @Test(arguments: [(1, 1), (7, 33), (40, 16), (17, 100)]) func transpose(rows: Int, columns: Int) {
        let stride = columns + 3
        let x = Self.values(rows * stride, seed: 1)
        var out = [Float](repeating: .nan, count: rows * columns)
        vv_transpose(&out, x, rows, columns, stride)
        for row in 0..<rows {
            for column in 0..<columns { #expect(out[column * rows + row] == x[row * stride + column]) }
        }
    }

    @Test(arguments: KernelTests.widths) func layerNorm(width: Int) {
        let rows = 3
        let x = Self.values(rows * width, seed: 2).map { $0 + 20 }
        let (gamma, gradient) = (Self.values(width, seed: 3), Self.values(rows * width, seed: 4))
        let before = Self.values(rows * width, seed: 5)
        var byX = before
        var byGamma = [Float](repeating: 1, count: width)
        var byBeta = [Float](repeating: 2, count: width)
        vv_layer_norm_backward(&byX, &byGamma, &byBeta, gradient, x, gamma, rows, width, 1e-6)
        var alone = before
        vv_layer_norm_backward(&alone, nil, nil, gradient, x, gamma, rows, width, 1e-6)
        #expect(alone == byX)
        var (gammaSums, betaSums) = (
            [Double](repeating: 1, count: width), [Double](repeating: 2, count: width)
        )
        for row in 0..<rows {
            let line = x[row * width..<(row + 1) * width].map(Double.init)
            let g = gradient[row * width..<(row + 1) * width].map(Double.init)
            let mean = line.reduce(0, +) / Double(width)
            let variance = line.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
            let deviation = (variance + 1e-6).squareRoot()
            let n = line.map { ($0 - mean) / deviation }
            let h = g.indices.map { g[$0] * Double(gamma[$0]) }
            let total = h.reduce(0, +) / Double(width)
            let along = zip(h, n).reduce(0) { $0 + $1.0 * $1.1 } / Double(width)
            // One value alone has no deviation: 1/√eps blows rounding up a thousandfold.
            let tolerance = width == 1 ? 1e-1 : 2e-4
            for i in 0..<width {
                let expected = (h[i] - total - n[i] * along) / deviation
                #expect(abs(Double(byX[row * width + i] - before[row * width + i]) - expected) < tolerance)
                gammaSums[i] += g[i] * n[i]
                betaSums[i] += g[i]
            }
        }
        for i in 0..<width {
            #expect(abs(Double(byGamma[i]) - gammaSums[i]) < 1e-3)
            #expect(abs(Double(byBeta[i]) - betaSums[i]) < 1e-5)
        }
    }

    @Test(arguments: KernelTests.widths) func softmax(columns: Int) {
        let rows = 3
        var p = Self.values(rows * columns, seed: 6)
        vv_softmax_rows(&p, rows, columns, columns, 1)
        let gradient = Self.values(rows * columns, seed: 7)
        var out = gradient
        vv_softmax_backward_rows(&out, p, rows, columns)
        for row in stride(from: 0, to: rows * columns, by: columns) {
            let dot = (row..<row + columns).reduce(0.0) { $0 + Double(p[$1]) * Double(gradient[$1]) }
            for i in row..<row + columns {
                #expect(abs(Double(out[i]) - Double(p[i]) * (Double(gradient[i]) - dot)) < 2e-6)
            }
        }
    }

    @Test(arguments: KernelTests.widths) func gelu(width: Int) {
        let rows = 4
        let x = Self.values(rows * width, seed: 8, spread: 8)
        let bias = Self.values(width, seed: 9, spread: 1)
        let gradient = Self.values(rows * width, seed: 10)
        var out = gradient
        vv_gelu_backward(&out, x, bias, rows, width)
        for i in x.indices {
            let v = Double(x[i] + bias[i % width])
            let slope =
                0.5 * (1 + erf(v / 2.0.squareRoot())) + v * exp(-v * v / 2) / (2 * Double.pi).squareRoot()
            #expect(abs(Double(out[i]) - Double(gradient[i]) * slope) < 4e-6)
        }
    }

    @Test(arguments: KernelTests.widths) func geluWithSlope(width: Int) {
        let rows = 3
        let x = Self.values(rows * width, seed: 8)
        let bias = Self.values(width, seed: 9, spread: 1)
        var (out, slope) = ([Float](repeating: .nan, count: x.count), x)
        vv_gelu_with_slope(&out, &slope, bias, rows, width)
        for i in x.indices {
            let v = Double(x[i] + bias[i % width])
            let below = 0.5 * (1 + erf(v / 2.0.squareRoot()))
            #expect(abs(Double(out[i]) - v * below) < 4e-6)
            #expect(
                abs(Double(slope[i]) - below - v * exp(-v * v / 2) / (2 * Double.pi).squareRoot()) < 4e-6)
        }
    }

    @Test(arguments: KernelTests.widths) func swiglu(width: Int) {
        let rows = 3
        let x = Self.values(rows * 2 * width, seed: 11)
        let bias = Self.values(2 * width, seed: 12)
        let gradient = Self.values(rows * width, seed: 13)
        var out = [Float](repeating: .nan, count: x.count)
        vv_swiglu_backward(&out, gradient, x, bias, rows, width)
        for row in 0..<rows {
            for i in 0..<width {
                let at = row * 2 * width + i
                let gate = Double(x[at] + bias[i])
                let value = Double(x[at + width] + bias[width + i])
                let g = Double(gradient[row * width + i])
                let s = 1 / (1 + exp(-gate))
                #expect(abs(Double(out[at]) - g * value * s * (1 + gate * (1 - s))) < 2e-4)
                #expect(abs(Double(out[at + width]) - g * gate * s) < 1e-4)
            }
        }
    }

    @Test(arguments: KernelTests.widths) func columns(width: Int) {
        let rows = 6
        let (a, b) = (Self.values(rows * width, seed: 14), Self.values(rows * width, seed: 15))
        let bias = Self.values(width, seed: 16)
        var sums = Self.values(width, seed: 17)
        var products = sums
        let before = sums.map(Double.init)
        vv_add_column_sums(&sums, a, rows, width)
        vv_add_column_products(&products, a, b, bias, rows, width)
        var scaled = a
        vv_scale_columns(&scaled, a, bias, rows, width)
        for i in 0..<width {
            var (sum, product) = (before[i], before[i])
            for row in 0..<rows {
                let at = row * width + i
                sum += Double(a[at])
                product += Double(a[at]) * (Double(b[at]) + Double(bias[i]))
                #expect(scaled[at] == a[at] * bias[i])
            }
            #expect(abs(Double(sums[i]) - sum) < 1e-5)
            #expect(abs(Double(products[i]) - product) < 1e-4)
        }
    }
}
