import Base
import Fixtures
import Pixels
import Probing
import Testing
import ViT

/// What a model is shown of frames.
@Suite struct PropagationInputTests {
    struct Row: CustomTestStringConvertible, Sendable {
        let recipe: PropagationSettings.Recipe
        let patch: Int
        /// Height, width.
        let frame: (Int, Int)
        let resolution: Resolution?
        let input: (Int, Int)
        var testDescription: String { "\(recipe) \(patch) \(frame) \(resolution as Any)" }
    }

    static func configuration(patch: Int) throws -> Configuration {
        var configuration = try Golden("plain").model.configuration
        configuration.patchSize = patch
        configuration.normalization = .imageNet
        return configuration
    }

    /// The sizes of the script and the notebook, and of patches that they do not know.
    @Test(arguments: [
        Row(recipe: .dino, patch: 16, frame: (480, 854), resolution: nil, input: (480, 832)),
        Row(recipe: .dino, patch: 8, frame: (854, 480), resolution: nil, input: (832, 480)),
        Row(recipe: .dino, patch: 16, frame: (720, 1280), resolution: nil, input: (480, 832)),
        Row(recipe: .dino, patch: 14, frame: (720, 1280), resolution: nil, input: (476, 840)),
        Row(recipe: .dino, patch: 16, frame: (720, 1280), resolution: .shortSide(100), input: (96, 128)),
        Row(recipe: .dino, patch: 16, frame: (720, 1280), resolution: .shortSide(32), input: (32, 48)),
        Row(recipe: .dino, patch: 16, frame: (100, 70), resolution: .native, input: (96, 64)),
        Row(recipe: .dinov3, patch: 16, frame: (720, 1280), resolution: nil, input: (960, 1712)),
        Row(recipe: .dinov3, patch: 16, frame: (1920, 1080), resolution: nil, input: (1712, 960)),
        Row(recipe: .dinov3, patch: 14, frame: (480, 480), resolution: nil, input: (966, 966)),
        Row(recipe: .dinov3, patch: 16, frame: (480, 854), resolution: .shortSide(100), input: (112, 208)),
    ]) func sizes(_ row: Row) throws {
        let input = try PropagationInput(
            row.recipe, of: Self.configuration(patch: row.patch), frameHeight: row.frame.0,
            frameWidth: row.frame.1, resolution: row.resolution, keepsNormalization: false)
        #expect((input.height, input.width) == row.input)
        #expect((input.rows, input.columns) == (row.input.0 / row.patch, row.input.1 / row.patch))
    }

    @Test func aFrameWithoutAPatchIsRefused() throws {
        #expect(throws: VitvideoError.self) {
            try PropagationInput(
                .dino, of: try Self.configuration(patch: 16), frameHeight: 15, frameWidth: 400,
                resolution: .native, keepsNormalization: false)
        }
    }

    /// The script's first deviation is .228; other statistics than ImageNet's, and those that were asked for, stay.
    @Test func normalization() throws {
        var configuration = try Self.configuration(patch: 16)
        func deviation(_ recipe: PropagationSettings.Recipe, keeps: Bool = false) throws -> [Float] {
            try PropagationInput(
                recipe, of: configuration, frameHeight: 64, frameWidth: 64, resolution: .native,
                keepsNormalization: keeps
            ).normalization.deviation
        }
        #expect(try deviation(.dino) == [0.228, 0.224, 0.225])
        #expect(try deviation(.dino, keeps: true) == [0.229, 0.224, 0.225])
        #expect(try deviation(.dinov3) == [0.229, 0.224, 0.225])
        configuration.normalization = .half
        #expect(try deviation(.dino) == [0.5, 0.5, 0.5])
    }

    /// Halving with OpenCV's filter takes the two middle samples, not all four; Pillow's cubic never leaves 0…255.
    @Test func filters() throws {
        // Columns of 0, 255, 255, 0, 0, 255, 255, 0, …
        var frame = RGBImage(height: 64, width: 64)
        for row in 0..<64 {
            for column in 0..<64 where column % 4 == 1 || column % 4 == 2 {
                frame[row, column] = (255, 255, 255)
            }
        }
        var configuration = try Self.configuration(patch: 16)
        configuration.normalization = .half
        let plain = try PropagationInput(
            .dino, of: configuration, frameHeight: 64, frameWidth: 64, resolution: .shortSide(16),
            keepsNormalization: false)
        // A quarter of the size: between the second and the third column of four, both 255.
        #expect(plain.patches(of: frame).values.allSatisfy { (value: Float) in abs(value - 1) < 1e-5 })
        let cubic = try PropagationInput(
            .dinov3, of: configuration, frameHeight: 64, frameWidth: 64, resolution: .shortSide(128),
            keepsNormalization: false)
        let values = cubic.patches(of: frame).values
        #expect(values.allSatisfy { abs($0) <= 1 + 1e-6 } && values.contains { $0 == values.max() })
        #expect((values.max() ?? 0) > 0.99 && (values.min() ?? 0) < -0.99)
    }
}
