import ArgumentParser

/// `0.5` or `0.485,0.456,0.406`.
struct ChannelValues: ExpressibleByArgument {
    /// One value for all channels, or one for each.
    let values: [Float]
    /// As it is given.
    let text: String

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map {
            Float($0.drop { $0 == " " })
        }
        let values = parts.compactMap { $0 }.filter { $0.isFinite && abs($0) <= 1000 }
        guard values.count == parts.count, values.count == 1 || values.count == 3 else { return nil }
        (self.values, text) = (values, argument)
    }
}
