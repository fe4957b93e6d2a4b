/// Something that was worked around: the frames are there, but not quite as the file promised.
package struct MediaWarning: Sendable, Hashable, CustomStringConvertible {
    package enum Kind: Sendable, Hashable {
        /// The input is cut short or broken in places; a strict caller treats this as bad data.
        case damage
        /// Timestamps were missing, repeated or ran backwards.
        case timestamps
        /// The picture was adapted: a change of size, an ignored tag, a padded row.
        case picture
        /// An audio stream or packet was left out.
        case audio
        /// The output's file system lacks something.
        case output
    }

    package let kind: Kind
    package let message: String
    package var description: String { message }

    init(_ kind: Kind, _ message: String) {
        self.kind = kind
        self.message = message
    }
}
