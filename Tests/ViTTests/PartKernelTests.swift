import CKernels
import Foundation
import Testing

@testable import ViT

/// The kernels of rotary positions and of GELU by the logistic function against their definitions in double
/// precision.
@Suite struct PartKernelTests {
    /// GELU by tanh, QuickGELU.
    static let gelus = [
        vv_logistic_gelu(linear: 1.595_769_1, cubic: 0.071_354_814),
        vv_logistic_gelu(linear: 1.702, cubic: 0),
    ]

    private func value(_ v: Double, _ gelu: vv_logistic_gelu) -> Double {
        guard gelu.cubic != 0 else { return v / (1 + exp(-1.702 * v)) }
        return v * (1 + tanh((2 / Double.pi).squareRoot() * (v + 0.044715 * v * v * v))) / 2
    }

    private func float(_ x: UInt16) -> Float { Float(bitPattern: UInt32(x) << 16) }

    @Test(arguments: KernelTests.widths, [0, 1]) func logisticGELU(width: Int, index: Int) {
        let gelu = Self.gelus[index]
        let rows = 3
        let x = KernelTests.values(rows * width, seed: 51, spread: 8)
        let bias = KernelTests.values(width, seed: 52, spread: 1)
        var out = x
        vv_bias_logistic_gelu(&out, bias, rows, width, gelu)
        let halves = x.map(KernelTests.nearestBFloat16)
        var outHalves = halves
        vv_bias_logistic_gelu_bf16(&outHalves, bias, rows, width, gelu)
        let gradient = KernelTests.values(rows * width, seed: 53)
        var back = gradient
        vv_logistic_gelu_backward(&back, x, bias, rows, width, gelu)
        for i in x.indices {
            let v = Double(x[i] + bias[i % width])
            #expect(abs(Double(out[i]) - value(v, gelu)) < 2e-6 * max(1, abs(v)))
            let rounded = value(Double(float(halves[i]) + bias[i % width]), gelu)
            #expect(abs(Double(float(outHalves[i])) - rounded) <= abs(rounded) / 250 + 1e-6)
            let slope = (value(v + 1e-5, gelu) - value(v - 1e-5, gelu)) / 2e-5
            #expect(abs(Double(back[i]) - slope * Double(gradient[i])) < 2e-5)
        }
    }

    /// Forward against the definition, forward and back against nothing done; what lies beside the heads
    /// stays.
    @Test(arguments: [(1, 4), (2, 8), (3, 64)], [RotaryPositions.Pairs.halves, .neighbors])
    func rotation(heads: (count: Int, width: Int), pairs: RotaryPositions.Pairs) {
        let (heads, headWidth) = heads
        let (rows, half) = (3, headWidth / 2)
        let rotate = pairs == .halves ? vv_rotate_halves : vv_rotate_neighbors
        let rotateHalves = pairs == .halves ? vv_rotate_halves_bf16 : vv_rotate_neighbors_bf16
        let stride = heads * headWidth + 5
        let x = KernelTests.values(rows * stride, seed: 54)
        let angles = KernelTests.values(rows * half, seed: 55, spread: 7)
        let (cosines, sines) = (angles.map { Foundation.cos($0) }, angles.map { Foundation.sin($0) })
        var turned = x
        rotate(&turned, stride, cosines, sines, rows, heads, headWidth, 1)
        let halves = x.map(KernelTests.nearestBFloat16)
        var turnedHalves = halves
        rotateHalves(&turnedHalves, stride, cosines, sines, rows, heads, headWidth)
        for row in 0..<rows {
            for i in 0..<stride {
                let at = row * stride + i
                guard i < heads * headWidth else {
                    #expect(turned[at] == x[at] && turnedHalves[at] == halves[at])
                    continue
                }
                let channel = i % headWidth
                let isFirst = pairs == .halves ? channel < half : channel % 2 == 0
                let gap = pairs == .halves ? half : 1
                let other = isFirst ? at + gap : at - gap
                let pair = pairs == .halves ? channel % half : channel / 2
                let angle = Double(angles[row * half + pair])
                func expected(_ value: Float, _ other: Float) -> Double {
                    Double(value) * Foundation.cos(angle)
                        + (isFirst ? -1 : 1) * Double(other) * Foundation.sin(angle)
                }
                #expect(abs(Double(turned[at]) - expected(x[at], x[other])) < 2e-6)
                let rounded = expected(float(halves[at]), float(halves[other]))
                #expect(abs(Double(float(turnedHalves[at])) - rounded) <= abs(rounded) / 250 + 1e-6)
            }
        }
        rotate(&turned, stride, cosines, sines, rows, heads, headWidth, -1)
        for i in x.indices { #expect(abs(turned[i] - x[i]) < 2e-6) }
    }
}
