import CKernels
import Foundation
import Testing

/// Each fast kernel against the plain definition in double precision.
@Suite struct KernelTests {
    /// Seeded values around zero, wide enough to reach the tails of erf and exp.
    static func values(_ count: Int, seed: UInt64, spread: Float = 4) -> [Float] {
        var state = seed
        return (0..<count).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return (Float(state >> 40) / Float(1 << 24) - 0.5) * 2 * spread
        }
    }

    /// Widths that fill no vector, several, and leave a rest.
    static let widths = [1, 7, 16, 33, 384]

    @Test(arguments: widths) func layerNorm(width: Int) {
        let rows = 5
        // A large common offset: a variance taken as E[x²] − mean² would lose it.
        let x = Self.values(rows * width, seed: 1).map { $0 + 100 }
        let (gamma, beta) = (Self.values(width, seed: 2), Self.values(width, seed: 3))
        var out = [Float](repeating: 0, count: x.count)
        vv_layer_norm(&out, x, gamma, beta, rows, width, 1e-6)
        for row in 0..<rows {
            let line = x[row * width..<(row + 1) * width].map(Double.init)
            let mean = line.reduce(0, +) / Double(width)
            let variance = line.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(width)
            for i in 0..<width {
                let expected =
                    (line[i] - mean) / (variance + 1e-6).squareRoot() * Double(gamma[i]) + Double(beta[i])
                #expect(abs(Double(out[row * width + i]) - expected) < 1e-4)
            }
        }
    }

    @Test(arguments: widths) func softmax(columns: Int) {
        let (rows, stride) = (3, columns + 5)
        let scores = Self.values(rows * stride, seed: 4, spread: 60)
        var out = scores
        vv_softmax_rows(&out, rows, columns, stride, 0.125)
        for row in 0..<rows {
            let line = (0..<columns).map { exp(Double(scores[row * stride + $0]) * 0.125) }
            let sum = line.reduce(0, +)
            for i in 0..<columns {
                #expect(abs(Double(out[row * stride + i]) - line[i] / sum) < 1e-6)
            }
            // What lies between the rows is not touched.
            for i in columns..<stride { #expect(out[row * stride + i] == scores[row * stride + i]) }
        }
    }

    @Test func softmaxOfHugeScoresStaysFinite() {
        var scores: [Float] = [3e38, -3e38, 0, 3e38]
        vv_softmax_rows(&scores, 1, 4, 4, 1)
        #expect(scores == [0.5, 0, 0, 0.5] || (scores[0] == 0.5 && scores[1] < 1e-37 && scores[3] == 0.5))
    }

    @Test(arguments: widths) func gelu(width: Int) {
        let rows = 4
        let x = Self.values(rows * width, seed: 5, spread: 8)
        let bias = Self.values(width, seed: 6, spread: 1)
        var out = x
        vv_bias_gelu(&out, bias, rows, width)
        for i in x.indices {
            let v = Double(x[i] + bias[i % width])
            let expected = v * 0.5 * (1 + erf(v / 2.0.squareRoot()))
            // A tanh GELU is off by up to 5e-4.
            #expect(abs(Double(out[i]) - expected) < 1e-6)
        }
    }

    @Test(arguments: widths) func swiglu(width: Int) {
        let rows = 3
        let x = Self.values(rows * 2 * width, seed: 7)
        let bias = Self.values(2 * width, seed: 8)
        var out = [Float](repeating: 0, count: rows * width)
        vv_bias_swiglu(&out, x, bias, rows, width)
        for row in 0..<rows {
            for i in 0..<width {
                let gate = Double(x[row * 2 * width + i] + bias[i])
                let value = Double(x[row * 2 * width + width + i] + bias[width + i])
                #expect(abs(Double(out[row * width + i]) - gate / (1 + exp(-gate)) * value) < 1e-5)
            }
        }
    }

    @Test(arguments: widths) func residual(width: Int) {
        let rows = 3
        let start = Self.values(rows * width, seed: 9)
        let x = Self.values(rows * width, seed: 10)
        let (bias, scale) = (Self.values(width, seed: 11), Self.values(width, seed: 12))
        var scaled = start
        vv_add_residual(&scaled, x, bias, scale, rows, width)
        var plain = start
        vv_add_residual(&plain, x, bias, nil, rows, width)
        for i in x.indices {
            let branch = Double(x[i]) + Double(bias[i % width])
            #expect(abs(Double(scaled[i]) - (Double(start[i]) + Double(scale[i % width]) * branch)) < 1e-5)
            #expect(abs(Double(plain[i]) - (Double(start[i]) + branch)) < 1e-5)
        }
    }
}
