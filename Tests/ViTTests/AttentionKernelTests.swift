import CKernels
import Foundation
import Testing

@Suite struct AttentionKernelTests {
    /// Fewer tokens than a tile, full and ragged tiles and blocks, head widths that fill no vector.
    @Test(arguments: [(1, 64), (17, 8), (45, 12), (48, 64), (197, 64), (333, 80), (600, 16)])
    func equalsThePlainDefinition(tokens: Int, width: Int) {
        let stride = 3 * width + 5
        let data = KernelTests.values(tokens * stride, seed: UInt64(tokens), spread: 3)
        let scale = 1 / Float(width).squareRoot()
        var out = [Float](repeating: .nan, count: tokens * width)
        var keys = [Float](repeating: .nan, count: vv_attention_packed_count(tokens, width))
        var values = keys
        var scratch = [Float](repeating: .nan, count: vv_attention_scratch_count(width))
        data.withUnsafeBufferPointer { data in
            let queries = data.baseAddress!
            vv_attention_pack(&keys, &values, queries + width, queries + 2 * width, stride, tokens, width)
            vv_attention(
                &out, width, queries, stride, tokens, keys, values, tokens, width, scale, &scratch)
        }
        var worst = 0.0
        for query in 0..<tokens {
            var weights = (0..<tokens).map { key in
                (0..<width).reduce(0.0) {
                    $0 + Double(data[query * stride + $1]) * Double(data[key * stride + width + $1])
                } * Double(scale)
            }
            let largest = weights.max() ?? 0
            weights = weights.map { exp($0 - largest) }
            let sum = weights.reduce(0, +)
            for i in 0..<width {
                let expected =
                    (0..<tokens).reduce(0.0) {
                        $0 + weights[$1] * Double(data[$1 * stride + 2 * width + i])
                    } / sum
                let difference = abs(Double(out[query * width + i]) - expected)
                worst = difference.isNaN ? .infinity : max(worst, difference)
            }
        }
        #expect(worst < 1e-5, "largest difference \(worst)")
    }

    /// Scores that grow along the keys make every block correct the maximum of those before.
    @Test func runningMaximumIsCorrected() {
        let (tokens, width) = (1000, 4)
        var data = [Float](repeating: 0, count: tokens * 3 * width)
        for token in 0..<tokens {
            data[token * 12] = 1
            data[token * 12 + 4] = Float(token) * 0.1
            data[token * 12 + 8] = Float(token)
        }
        var keys = [Float](repeating: 0, count: vv_attention_packed_count(tokens, width))
        var values = keys
        var scratch = [Float](repeating: 0, count: vv_attention_scratch_count(width))
        var out = [Float](repeating: 0, count: width)
        data.withUnsafeBufferPointer { data in
            let queries = data.baseAddress!
            vv_attention_pack(&keys, &values, queries + 4, queries + 8, 12, tokens, width)
            vv_attention(&out, width, queries, 12, 1, keys, values, tokens, width, 1, &scratch)
        }
        let weights = (0..<tokens).map { exp(Double($0 - (tokens - 1)) * 0.1) }
        let expected =
            weights.enumerated().reduce(0.0) { $0 + $1.element * Double($1.offset) } / weights.reduce(0, +)
        #expect(abs(Double(out[0]) - expected) < 1e-2)
    }
}
