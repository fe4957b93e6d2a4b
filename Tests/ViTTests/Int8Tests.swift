import CKernels
import Fixtures
import Testing

@testable import ViT

/// Products in 8-bit integers: the two ends of one, the evening out before it, and a whole layer.
@Suite struct Int8Tests {
    static let widths = [1, 15, 16, 48, 385]

    private func bfloat16(_ x: Float) -> Float {
        Float(bitPattern: UInt32(KernelTests.nearestBFloat16(x)) << 16)
    }

    /// Against the definition: the largest magnitude of a row becomes 127, everything else in proportion.
    @Test(arguments: widths) func rounding(width: Int) {
        let rows = 3
        var x = KernelTests.values(rows * width, seed: 21, spread: 5).map(KernelTests.nearestBFloat16)
        for i in 0..<width { x[width + i] = 0 }
        var out = [UInt8](repeating: 0, count: rows * width)
        var scales = [Float](repeating: -1, count: rows)
        vv_quantize_bf16(&out, &scales, x, rows, width)
        #expect(scales[1] == 0 && out[width..<2 * width].allSatisfy { $0 == 128 })
        for row in [0, 2] {
            let values = x[row * width..<(row + 1) * width].map {
                Double(Float(bitPattern: UInt32($0) << 16))
            }
            let largest = values.map(abs).max() ?? 0
            #expect(abs(Double(scales[row]) - largest / 127) <= largest * 1e-7)
            for (i, value) in values.enumerated() {
                let exact = value / largest * 127
                // Half a step, and what floats are off by.
                #expect(abs(Double(out[row * width + i]) - 128 - exact) <= 0.5001)
            }
        }
    }

    /// Against y = scale · weight scale · (sum − offset) + bias, to all three kinds of output.
    @Test(arguments: widths) func undoing(width: Int) {
        let rows = 2
        let sums = KernelTests.values(rows * width, seed: 22, spread: 4e6).map { Int32($0) }
        let scales: [Float] = [0.01, 0.3]
        let weightScales = KernelTests.values(width, seed: 23).map { abs($0) * 1e-3 }
        let offsets = KernelTests.values(width, seed: 24, spread: 1e5).map { Int32($0) }
        let bias = KernelTests.values(width, seed: 25)
        let before = KernelTests.values(rows * width, seed: 26)
        var plain = [Float](repeating: 0, count: rows * width)
        var rounded = [UInt16](repeating: 0, count: rows * width)
        var added = before
        weightScales.withUnsafeBufferPointer { weightScales in
            offsets.withUnsafeBufferPointer { offsets in
                bias.withUnsafeBufferPointer { bias in
                    var outputs = vv_dequantization(
                        weight_scales: weightScales.baseAddress, offsets: offsets.baseAddress,
                        bias: bias.baseAddress)
                    vv_dequantize(&plain, sums, scales, &outputs, rows, width)
                    vv_dequantize_bf16(&rounded, sums, scales, &outputs, rows, width)
                    vv_dequantize_add(&added, sums, scales, &outputs, rows, width)
                }
            }
        }
        for row in 0..<rows {
            for i in 0..<width {
                let at = row * width + i
                let exact =
                    Double(sums[at] - offsets[i]) * Double(scales[row]) * Double(weightScales[i])
                    + Double(bias[i])
                let tolerance = abs(exact) * 1e-6 + 1e-6
                #expect(abs(Double(plain[at]) - exact) <= tolerance)
                #expect(abs(Double(added[at]) - exact - Double(before[at])) <= tolerance + 1e-6)
                #expect(rounded[at] == KernelTests.nearestBFloat16(plain[at]))
            }
        }
    }

    /// Norm and layer give what they gave before, and every channel's largest weight is as large as the channel.
    @Test func smoothingChangesNothingButTheSizes() {
        let (inputs, outputs) = (24, 7)
        var gamma = KernelTests.values(inputs, seed: 31)
        gamma[5] *= 80
        gamma[6] = 0
        var beta = KernelTests.values(inputs, seed: 32)
        beta[6] = 0
        let layer = Linear(
            outputs: outputs, inputs: inputs, weight: KernelTests.values(inputs * outputs, seed: 33),
            bias: KernelTests.values(outputs, seed: 34))
        let (norm, even) = smoothed(Norm(gamma: gamma, beta: beta), layer)
        let z = KernelTests.values(inputs, seed: 35)
        for output in 0..<outputs {
            func value(_ norm: Norm, _ layer: Linear) -> Double {
                (0..<inputs).reduce(Double(layer.bias[output])) { sum, i in
                    sum + Double(z[i] * norm.gamma[i] + norm.beta[i])
                        * Double(layer.weight[output * inputs + i])
                }
            }
            #expect(abs(value(norm, even) - value(Norm(gamma: gamma, beta: beta), layer)) < 1e-4)
        }
        for channel in 0..<inputs where channel != 6 {
            let activation = 3 * abs(norm.gamma[channel]) + abs(norm.beta[channel])
            let weight = (0..<outputs).map { abs(even.weight[$0 * inputs + channel]) }.max() ?? 0
            #expect(abs(activation - weight) < 1e-4 * weight)
        }
    }

    /// A layer against the exact product of its rounded inputs: what is left is the rounding of weights and rows.
    @Test(.enabled(if: vv_cpu_has_int8()), arguments: [1, 63, 64, 200])
    func layer(rows: Int) throws {
        let (inputs, outputs) = (96, 80)
        let linear = Linear(
            outputs: outputs, inputs: inputs, weight: KernelTests.values(inputs * outputs, seed: 41),
            bias: KernelTests.values(outputs, seed: 42))
        let x = KernelTests.values(rows * inputs, seed: 43, spread: 3)
        let scratch = UnsafeMutableRawPointer.allocate(
            byteCount: Int8Layer.scratchBytes(inputs: inputs, outputs: outputs), alignment: 64)
        defer { scratch.deallocate() }
        var out = [Float](repeating: 7, count: rows * outputs)
        try Int8Layer(linear, .residual, output: .float32).apply(
            rows: rows, input: x.map(KernelTests.nearestBFloat16), output: &out, scratch: scratch)
        var (error, size) = (0.0, 0.0)
        for row in 0..<rows {
            for output in 0..<outputs {
                let exact = (0..<inputs).reduce(Double(linear.bias[output])) {
                    $0 + Double(bfloat16(x[row * inputs + $1])) * Double(linear.weight[output * inputs + $1])
                }
                let found = Double(out[row * outputs + output]) - 7
                error += (found - exact) * (found - exact)
                size += exact * exact
            }
        }
        // Two roundings to 1/127 of the largest, evenly distributed, are about 1 % of the whole.
        #expect((error / size).squareRoot() < 0.015)
    }
}
