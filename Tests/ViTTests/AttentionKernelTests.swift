import CKernels
import Foundation
import Testing

@Suite struct AttentionKernelTests {
    /// The kernel's output, `tokens × width`, for queries, keys and values side by side in rows of `stride`.
    ///
    /// - Parameter bias: added to the scores, rows of `columns`; nil for none.
    private func output(
        _ data: [Float], tokens: Int, width: Int, stride: Int, scale: Float, bias: [Float]? = nil,
        columns: Int = 0
    ) -> [Float] {
        var out = [Float](repeating: .nan, count: tokens * width)
        var keys = [Float](repeating: .nan, count: vv_attention_packed_count(tokens, width))
        var values = keys
        var scratch = [Float](repeating: .nan, count: vv_attention_scratch_count(width))
        data.withUnsafeBufferPointer { data in
            let queries = data.baseAddress!
            vv_attention_pack(&keys, &values, queries + width, queries + 2 * width, stride, tokens, width)
            vv_attention(
                &out, width, queries, stride, tokens, keys, values, tokens, width, scale, bias, columns,
                &scratch)
        }
        return out
    }

    /// The same of the kernel for bfloat16.
    private func output(
        _ data: [UInt16], tokens: Int, width: Int, stride: Int, scale: Float, bias: [Float]? = nil,
        columns: Int = 0
    ) -> [Float] {
        var out = [UInt16](repeating: 0, count: tokens * width)
        var keys = [UInt8](repeating: 0xFF, count: vv_attention_bf16_packed_bytes(tokens, width))
        var values = keys
        let scratch = UnsafeMutableRawPointer.allocate(
            byteCount: vv_attention_bf16_scratch_bytes(width), alignment: 64)
        defer { scratch.deallocate() }
        data.withUnsafeBufferPointer { data in
            let queries = data.baseAddress!
            vv_attention_bf16_pack(
                &keys, &values, queries + width, queries + 2 * width, stride, tokens, width)
            vv_attention_bf16(
                &out, width, queries, stride, tokens, keys, values, tokens, width, scale, bias, columns,
                scratch)
        }
        return out.map(Self.float)
    }

    private static func float(_ half: UInt16) -> Float { Float(bitPattern: UInt32(half) << 16) }

    /// Fewer tokens than a tile, full and ragged tiles and blocks, head widths that fill no vector.
    @Test(arguments: [(1, 64), (17, 8), (45, 12), (48, 64), (197, 64), (333, 80), (600, 16)])
    func equalsThePlainDefinition(tokens: Int, width: Int) {
        let stride = 3 * width + 5
        let data = KernelTests.values(tokens * stride, seed: UInt64(tokens), spread: 3)
        let scale = 1 / Float(width).squareRoot()
        let out = output(data, tokens: tokens, width: width, stride: stride, scale: scale)
        let expected = Self.attention(data, tokens: tokens, width: width, stride: stride, scale: scale)
        let worst =
            zip(out, expected).map { abs(Double($0) - $1) }.max { $0 < $1 || $1.isNaN } ?? .infinity
        #expect(worst < 1e-5, "largest difference \(worst)")
    }

    /// In bfloat16, against the plain definition on the same rounded inputs: only the output and the
    /// probabilities are rounded further, to 8 bits.
    @Test(
        .enabled(if: vv_cpu_has_bfloat16()), arguments: [(1, 64), (17, 16), (48, 64), (197, 64), (333, 80)])
    func bfloat16(tokens: Int, width: Int) {
        let stride = 3 * width
        let data = KernelTests.values(tokens * stride, seed: UInt64(tokens), spread: 3)
            .map(KernelTests.nearestBFloat16)
        let scale = 1 / Float(width).squareRoot()
        let out = output(data, tokens: tokens, width: width, stride: stride, scale: scale)
        let expected = Self.attention(
            data.map(Self.float), tokens: tokens, width: width, stride: stride, scale: scale)
        let largest = expected.map(abs).max() ?? 0
        #expect(zip(out, expected).allSatisfy { abs(Double($0) - $1) <= largest / 128 })
    }

    /// What is added to the scores, in both kernels: rows and columns past the last are read and do not matter.
    @Test(arguments: [(1, 16), (17, 64), (50, 16), (197, 64), (600, 32)])
    func biasIsAddedToTheScores(tokens: Int, width: Int) {
        let stride = 3 * width
        let halves = KernelTests.values(tokens * stride, seed: UInt64(tokens), spread: 2)
            .map(KernelTests.nearestBFloat16)
        let data = halves.map(Self.float)
        let scale = 1 / Float(width).squareRoot()
        let (rows, columns) = (vv_attention_bias_rows(tokens), vv_attention_bias_columns(tokens) + 3)
        #expect(rows >= tokens && columns >= tokens + 3)
        let bias = KernelTests.values(rows * columns, seed: 61, spread: 40)
        let expected = Self.attention(
            data, tokens: tokens, width: width, stride: stride, scale: scale
        ) { Double(bias[$0 * columns + $1]) }
        let without = Self.attention(data, tokens: tokens, width: width, stride: stride, scale: scale)
        if tokens > 1 { #expect(zip(expected, without).contains { abs($0 - $1) > 0.1 }) }

        let out = output(
            data, tokens: tokens, width: width, stride: stride, scale: scale, bias: bias, columns: columns)
        #expect(zip(out, expected).allSatisfy { abs(Double($0) - $1) < 2e-5 })
        guard vv_cpu_has_bfloat16() else { return }
        let rounded = output(
            halves, tokens: tokens, width: width, stride: stride, scale: scale, bias: bias, columns: columns)
        let largest = expected.map(abs).max() ?? 0
        #expect(zip(rounded, expected).allSatisfy { abs(Double($0) - $1) <= largest / 100 })
    }

    /// softmax(scale · (QKᵀ + bias))·V in double precision, `tokens × width`.
    static func attention(
        _ data: [Float], tokens: Int, width: Int, stride: Int, scale: Float,
        bias: (_ query: Int, _ key: Int) -> Double = { _, _ in 0 }
    ) -> [Double] {
        (0..<tokens).flatMap { query in
            var weights = (0..<tokens).map { key in
                (0..<width).reduce(bias(query, key)) {
                    $0 + Double(data[query * stride + $1]) * Double(data[key * stride + width + $1])
                } * Double(scale)
            }
            let largest = weights.max() ?? 0
            weights = weights.map { exp($0 - largest) }
            let sum = weights.reduce(0, +)
            return (0..<width).map { i in
                (0..<tokens).reduce(0.0) { $0 + weights[$1] * Double(data[$1 * stride + 2 * width + i]) }
                    / sum
            }
        }
    }

    /// Scores that grow along the keys make every block correct what those before left, wherever they begin.
    @Test(arguments: [Float(0), -400, 400]) func runningReferenceIsCorrected(start: Float) {
        let (tokens, width) = (1000, 4)
        var data = [Float](repeating: 0, count: tokens * 3 * width)
        for token in 0..<tokens {
            data[token * 12] = 1
            data[token * 12 + 4] = start + Float(token) * 0.1
            data[token * 12 + 8] = Float(token)
        }
        var keys = [Float](repeating: 0, count: vv_attention_packed_count(tokens, width))
        var values = keys
        var scratch = [Float](repeating: 0, count: vv_attention_scratch_count(width))
        var out = [Float](repeating: 0, count: width)
        data.withUnsafeBufferPointer { data in
            let queries = data.baseAddress!
            vv_attention_pack(&keys, &values, queries + 4, queries + 8, 12, tokens, width)
            vv_attention(&out, width, queries, 12, 1, keys, values, tokens, width, 1, nil, 0, &scratch)
        }
        let weights = (0..<tokens).map { exp(Double($0 - (tokens - 1)) * 0.1) }
        let expected =
            weights.enumerated().reduce(0.0) { $0 + $1.element * Double($1.offset) } / weights.reduce(0, +)
        #expect(abs(Double(out[0]) - expected) < 2e-2)
    }

    /// The same in bfloat16: one key in a thousand outweighs all before it by far.
    @Test(.enabled(if: vv_cpu_has_bfloat16()))
    func runningReferenceIsCorrectedInBFloat16() {
        let (tokens, width, stride) = (1000, 16, 48)
        var data = [UInt16](repeating: 0, count: tokens * stride)
        for token in 0..<tokens {
            data[token * stride] = KernelTests.nearestBFloat16(1)
            // Whole numbers of up to 8 bits are exact.
            data[token * stride + width] = KernelTests.nearestBFloat16(Float(token / 8 - 120))
            data[token * stride + 2 * width] = KernelTests.nearestBFloat16(Float(token / 8))
        }
        var keys = [UInt8](repeating: 0xFF, count: vv_attention_bf16_packed_bytes(tokens, width))
        var values = keys
        let scratch = UnsafeMutableRawPointer.allocate(
            byteCount: vv_attention_bf16_scratch_bytes(width), alignment: 64)
        defer { scratch.deallocate() }
        var out = [UInt16](repeating: 0, count: width)
        data.withUnsafeBufferPointer { data in
            let queries = data.baseAddress!
            vv_attention_bf16_pack(
                &keys, &values, queries + width, queries + 2 * width, stride, tokens, width)
            vv_attention_bf16(
                &out, width, queries, stride, 1, keys, values, tokens, width, 1, nil, 0, scratch)
        }
        let weights = (0..<tokens).map { exp(Double($0 / 8 - (tokens - 1) / 8)) }
        let expected =
            weights.enumerated().reduce(0.0) { $0 + $1.element * Double($1.offset / 8) }
            / weights.reduce(0, +)
        let found = Double(Float(bitPattern: UInt32(out[0]) << 16))
        #expect(abs(found - expected) < expected / 128)
    }
}
