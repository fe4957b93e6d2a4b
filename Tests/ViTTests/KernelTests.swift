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

    /// Ragged and whole register blocks, panels, tiles and depths.
    @Test(arguments: [
        (1, 16, 1), (5, 7, 33), (6, 33, 384), (47, 48, 385), (133, 40, 50), (197, 16, 800), (300, 1, 16),
    ])
    func linear(rows: Int, outputs: Int, inputs: Int) {
        let x = Self.values(rows * inputs, seed: 20, spread: 1)
        let weight = Self.values(outputs * inputs, seed: 21, spread: 1)
        let bias = Self.values(outputs, seed: 22)
        let before = Self.values(rows * outputs, seed: 23)
        var packed = [Float](repeating: .nan, count: vv_linear_packed_count(outputs, inputs))
        vv_linear_pack(&packed, weight, outputs, inputs)
        for (accumulates, isBiased) in [(false, true), (true, true), (false, false)] {
            var out = accumulates ? before : [Float](repeating: .nan, count: rows * outputs)
            bias.withUnsafeBufferPointer {
                vv_linear(
                    &out, x, packed, isBiased ? $0.baseAddress : nil, rows, outputs, inputs, accumulates)
            }
            for row in 0..<rows {
                for i in 0..<outputs {
                    var expected = isBiased ? Double(bias[i]) : 0
                    if accumulates { expected += Double(before[row * outputs + i]) }
                    for k in 0..<inputs {
                        expected += Double(x[row * inputs + k]) * Double(weight[i * inputs + k])
                    }
                    #expect(abs(Double(out[row * outputs + i]) - expected) < 1e-4)
                }
            }
        }
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

    @Test(.enabled(if: vv_cpu_has_bfloat16()), arguments: widths) func geluInBFloat16(width: Int) {
        let rows = 4
        let x = Self.values(rows * width, seed: 5, spread: 8).map(Self.nearestBFloat16)
        let bias = Self.values(width, seed: 6, spread: 1)
        var out = x
        vv_bias_gelu_bf16(&out, bias, rows, width)
        for i in x.indices {
            let v = Double(Float(bitPattern: UInt32(x[i]) << 16) + bias[i % width])
            let expected = v * 0.5 * (1 + erf(v / 2.0.squareRoot()))
            let found = Double(Float(bitPattern: UInt32(out[i]) << 16))
            // Half a unit in the last of bfloat16's 8 places, and what the fit is off by.
            #expect(abs(found - expected) < abs(expected) / 256 + 2e-4)
        }
    }

    @Test(arguments: widths) func swiglu(width: Int) {
        let rows = 3
        let x = Self.values(rows * 2 * width, seed: 7)
        var out = [Float](repeating: 0, count: rows * width)
        vv_swiglu(&out, x, rows, width)
        var rounded = [UInt16](repeating: 0, count: rows * width)
        vv_swiglu_bf16(&rounded, x, rows, width)
        for row in 0..<rows {
            for i in 0..<width {
                let gate = Double(x[row * 2 * width + i])
                let value = Double(x[row * 2 * width + width + i])
                #expect(abs(Double(out[row * width + i]) - gate / (1 + exp(-gate)) * value) < 1e-5)
                #expect(Self.nearestBFloat16(out[row * width + i]) == rounded[row * width + i])
            }
        }
    }

    @Test(arguments: widths) func layerNormToBFloat16(width: Int) {
        let x = Self.values(3 * width, seed: 13)
        let (gamma, beta) = (Self.values(width, seed: 14), Self.values(width, seed: 15))
        var out = [Float](repeating: 0, count: x.count)
        vv_layer_norm(&out, x, gamma, beta, 3, width, 1e-6)
        var rounded = [UInt16](repeating: 0, count: x.count)
        vv_layer_norm_bf16(&rounded, x, gamma, beta, 3, width, 1e-6)
        #expect(rounded == out.map(Self.nearestBFloat16))

        // In place, of what is rounded already.
        var halves = x.map(Self.nearestBFloat16)
        vv_layer_norm(
            &out, halves.map { Float(bitPattern: UInt32($0) << 16) }, gamma, beta, 3, width, 1e-6)
        vv_layer_norm_of_bf16(&halves, gamma, beta, 3, width, 1e-6)
        #expect(halves == out.map(Self.nearestBFloat16))
    }

    /// The nearer of the two bfloat16 neighbors, the even one of two equally near.
    static func nearestBFloat16(_ x: Float) -> UInt16 {
        let low = UInt16(x.bitPattern >> 16)
        let rest = x.bitPattern & 0xFFFF
        if rest > 0x8000 { return low + 1 }
        return rest == 0x8000 ? low + (low & 1) : low
    }
}
