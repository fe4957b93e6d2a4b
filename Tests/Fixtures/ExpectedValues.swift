/// The numbers that make_checkpoint_goldens.py puts into its files, written out independently of any reader.
package enum ExpectedValues {
    /// -2, -1.75, …, 3.75
    package static let base: [Float] = (0..<24).map { Float($0) / 4 - 2 }
    package static let float16: [Float] = [0, -0.0, 1.5, -2.25, .infinity, 0x1p-14, 0x1p-24, 65504]
    /// 3.0e38 and 1.0e-40 as the nearest BFloat16 numbers.
    package static let bfloat16: [Float] = [
        0, -0.0, 1.5, -2.25, .infinity, Float(bitPattern: 0x7f62_0000), Float(bitPattern: 0x0001_0000), 1,
    ]
}

/// The path of a file that make_checkpoint_goldens.py has made.
package func golden(_ name: String) -> String { Fixtures.golden("checkpoints/\(name)").path }
