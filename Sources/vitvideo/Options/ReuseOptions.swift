import ArgumentParser
import Base
import Methods

/// What of a frame is taken over from the one before.
struct ReuseOptions: ParsableArguments {
    enum Amount: ExpressibleByArgument, Equatable, CustomStringConvertible {
        case off
        case auto
        /// In levels of 255.
        case levels(Double)

        init?(argument: String) {
            switch argument {
            case "off": self = .off
            case "auto": self = .auto
            default:
                guard let levels = Double(argument) else { return nil }
                self = .levels(levels)
            }
        }

        var description: String {
            switch self {
            case .off: "off"
            case .auto: "auto"
            case .levels(let levels): "\(levels)"
            }
        }
    }

    /// What `auto` allows pictures.
    static let standardLevels = 0.5

    @Option(
        help: ArgumentHelp(
            """
            Compute of a frame only what has changed since the one before: off, auto, or how far the fused map may be off on \
            average, in levels of 255 (0.05 to 16). Frames in between are computed whole as well; what they show is said at \
            the end and decides how much is taken over. auto is \(standardLevels) for pictures, and off where numbers or masks \
            are written. For the methods \(MethodRegistry.reusing).
            """, valueName: "off|auto|levels"))
    var reuse = Amount.off

    func validate() throws {
        if case .levels(let levels) = reuse, !(0.05...16).contains(levels) {
            throw ValidationError("--reuse is 0.05 to 16 levels of 255, auto or off")
        }
    }

    var settings: JobSettings { [("--reuse", reuse == .off ? nil : reuse.description)] }

    /// The error that frames may have; nil where each is computed by itself.
    ///
    /// - Parameter isExact: whether numbers are wanted and not only pictures.
    func levels(of method: Method, isExact: Bool) throws -> Double? {
        switch reuse {
        case .off: return nil
        case .auto: return isExact || !method.reusesFrames ? nil : Self.standardLevels
        case .levels(let levels):
            guard method.reusesFrames else {
                throw VitvideoError(
                    .usage,
                    reason:
                        "--method \(method.name) computes every frame by itself; --reuse goes with \(MethodRegistry.reusing)"
                )
            }
            return levels
        }
    }
}

extension MethodRegistry {
    /// The methods whose frames can take over from one another.
    fileprivate static var reusing: String {
        standard.methods.filter(\.reusesFrames).map(\.name).joined(separator: ", ")
    }
}
