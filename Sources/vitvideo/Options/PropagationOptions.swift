import ArgumentParser
import Base
import Pipeline
import Pixels
import Probing
import VideoIO

extension PropagationSettings.Recipe: ExpressibleByArgument {}

/// What is followed, and by which rule.
struct PropagationOptions: ParsableArguments {
    @Option(
        name: .customLong("mask"),
        help: ArgumentHelp(
            """
            Mask of the first frame, of any size: an indexed PNG, whose indices are the objects, or a picture with a \
            colour an object on black. N=FILE is the mask of frame N, counted as --frames counts, from which the \
            propagation begins anew; repeat it for more.
            """, valueName: "file|n=file"))
    var masks: [MaskArgument] = []

    @Option(
        name: .customLong("point"),
        help: ArgumentHelp(
            "Follow the patch under this pixel of the first frame instead; repeat it for more objects.",
            valueName: "xpx,ypx"))
    var points: [String] = []

    @Option(
        name: .customLong("protocol"),
        help: """
            Settings of a publication. dino: frames of short side 480, the long one down to a multiple of 64, a square \
            neighbourhood, temperature 0.1, soft labels enlarged bilinearly; pictures normalized by ImageNet's statistics \
            have the first standard deviation of DINO's script, .228. dinov3: short side 960, both sides up to whole \
            patches, a circle, temperature 0.2, whole patches.
            """)
    var recipe: PropagationSettings.Recipe = .dino

    @Option(
        help: ArgumentHelp(
            "Frames before a frame that it is compared with, besides the first.", valueName: "n"))
    var lastFrames: Int = 7

    @Option(
        help: ArgumentHelp(
            "How many patches away from its place a patch is looked for; 0 for everywhere.",
            valueName: "patches"))
    var radius: Int = 12

    @Option(help: ArgumentHelp("How many of the most similar patches count.", valueName: "n"))
    var neighbors: Int = 5

    @Option(
        help: ArgumentHelp(
            "What similarities are divided by. (default: 0.1, with --protocol dinov3 0.2)", valueName: "t"))
    var temperature: Amount?

    @Option(
        help: ArgumentHelp(
            """
            True masks, a PNG file a frame in the order of their names; prints region similarity J, boundary accuracy F \
            and their mean as DAVIS 2017's semi-supervised task does: over the objects of the first of them, without \
            given frames and the last one.
            """, valueName: "directory"))
    var truth: String?

    func validate() throws {
        if !points.isEmpty, masks.contains(where: { $0.frame == nil }) {
            throw ValidationError("--mask and --point both say what is followed; give one of them")
        }
        if points.isEmpty, !masks.contains(where: { $0.frame == nil }) {
            throw ValidationError(
                "nothing to follow; give the first frame's mask, --mask FILE, or a pixel in it, --point Xpx,Ypx"
            )
        }
        for (index, mask) in masks.enumerated()
        where masks[..<index].contains(where: { $0.frame == mask.frame }) {
            throw ValidationError(
                "--mask is given twice for \(mask.frame.map { "frame \($0)" } ?? "the first frame")")
        }
        if points.count > 254 { throw ValidationError("--point is given more than 254 times") }
        guard (0...1000).contains(lastFrames) else { throw ValidationError("--last-frames is 0 to 1000") }
        guard (0...1000).contains(radius) else { throw ValidationError("--radius is 0 to 1000") }
        guard (1...1000).contains(neighbors) else { throw ValidationError("--neighbors is 1 to 1000") }
        if let temperature, !(temperature.value > 0) {
            throw ValidationError("--temperature is above 0")
        }
    }

    var settings: PropagationSettings {
        var settings = PropagationSettings(recipe)
        settings.lastFrames = lastFrames
        settings.radius = radius
        settings.neighbors = neighbors
        if let temperature { settings.temperature = Float(temperature.value) }
        return settings
    }

    /// The masks given, those of points on the patch grid, and in words the objects of which the grid keeps nothing.
    ///
    /// - Parameters:
    ///   - height: of the frames in pixels.
    /// - Throws: `VitvideoError`.
    func given(
        on input: PropagationInput, height: Int, width: Int
    ) throws -> (masks: GivenMasks, losses: [String]) {
        var first = points.isEmpty ? nil : try pointMask(on: input, height: height, width: width)
        var later: [Int: IndexMask] = [:]
        var losses: [String] = []
        for argument in masks {
            let mask = try argument.read()
            let kept = mask.resized(height: input.rows, width: input.columns, settings.maskRule).objects
            losses += mask.objects.filter { !kept.contains($0) }.map {
                "\(argument.path): object \($0) holds no patch's centre and is not followed; a higher --resolution "
                    + "keeps it"
            }
            if let frame = argument.frame { later[frame] = mask } else { first = mask }
        }
        guard let first else { throw ValidationError("there is no mask of the first frame") }
        return (GivenMasks(first: first, later: later), losses)
    }

    /// The patches under the points, each an object.
    private func pointMask(on input: PropagationInput, height: Int, width: Int) throws -> IndexMask {
        var mask = IndexMask(height: input.rows, width: input.columns)
        for (index, text) in points.enumerated() {
            let numbers = text.lowercased().filter { $0 != " " }.split(separator: ",").map {
                $0.hasSuffix("px") ? Int($0.dropLast(2)) : nil
            }
            guard numbers.count == 2, let x = numbers[0], let y = numbers[1], x >= 0, y >= 0 else {
                throw VitvideoError(
                    .usage, reason: "--point \(text) is no pixel of the frame",
                    nextStep: .advice("write it Xpx,Ypx, such as 640px,360px"))
            }
            guard x < width, y < height else {
                throw VitvideoError(
                    .usage, reason: "there is no pixel \(text): the frames are \(width)×\(height)")
            }
            let (row, column) = (y * input.rows / height, x * input.columns / width)
            guard mask[row, column] == 0 else {
                throw VitvideoError(
                    .usage,
                    reason: "--point \(points[Int(mask[row, column]) - 1]) and \(text) lie in one patch",
                    nextStep: .raiseResolution)
            }
            mask[row, column] = UInt8(index + 1)
        }
        return mask
    }
}

/// `first.png`, or `120=later.png`.
struct MaskArgument: ExpressibleByArgument {
    /// Nil for the first one.
    let frame: Int?
    let path: String

    init?(argument: String) {
        if let sign = argument.firstIndex(of: "="), let frame = Int(argument[..<sign]), frame >= 0 {
            (self.frame, path) = (frame, String(argument[argument.index(after: sign)...]))
        } else {
            (frame, path) = (nil, argument)
        }
        if path.isEmpty { return nil }
    }

    var name: String { frame.map { "\($0)=\(path)" } ?? path }

    /// Reads the mask. Index 255, where DAVIS does not tell, is background.
    ///
    /// - Throws: `VitvideoError`, also where there is no object in the first frame's.
    func read() throws -> IndexMask {
        var mask = try MaskPicture.read(path)
        for place in mask.indices.indices where mask.indices[place] == 255 { mask.indices[place] = 0 }
        guard mask.largestIndex > 0 || frame != nil else {
            throw VitvideoError(
                .badData, cannot: "follow the objects of", path: path, reason: "there is none in it",
                nextStep: .advice("an object has another index or colour than the background, 0 or black"))
        }
        return mask
    }
}
