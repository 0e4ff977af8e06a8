import CSICore
import FoundationEssentials

/// A volume, as far as the driver wants to know it.
struct APIVolume: Decodable, Sendable {
    struct Region: Decodable, Sendable { var slug: String }

    var id: String
    var name: String
    var region: Region
    var sizeGigabytes: Int64
    var dropletIds: [Int]
    var description: String?
}

struct APISnapshot: Decodable, Sendable {
    var id: String
    var name: String
    var createdAt: Date
    var resourceId: String
    var minDiskSize: Int64
}

/// Something that the API does with a volume while others wait.
struct APIAction: Decodable, Sendable {
    var id: Int
    var status: String
    var type: String
}

struct APIDroplet: Decodable, Sendable {
    var id: Int
    var status: String
}

// MARK: What comes around them

struct APIVolumeReply: Decodable { var volume: APIVolume }
struct APISnapshotReply: Decodable { var snapshot: APISnapshot }
struct APIActionReply: Decodable { var action: APIAction }
struct APIDropletReply: Decodable { var droplet: APIDroplet }

/// One page of a list.
protocol APIPage: Decodable {
    associatedtype Element
    var elements: [Element] { get }
    var links: APILinks? { get }
}

struct APILinks: Decodable {
    struct Pages: Decodable { var next: String? }
    var pages: Pages?
}

extension APIPage {
    var hasMore: Bool { links?.pages?.next != nil }
}

struct APIVolumes: APIPage {
    var volumes: [APIVolume]
    var links: APILinks?
    var elements: [APIVolume] { volumes }
}

struct APISnapshots: APIPage {
    var snapshots: [APISnapshot]
    var links: APILinks?
    var elements: [APISnapshot] { snapshots }
}

// MARK: What is asked for

struct APINewVolume: Encodable {
    var name: String
    var description: String
    var region: String
    var sizeGigabytes: Int64
    var snapshotId: String?
}

struct APINewSnapshot: Encodable { var name: String }

struct APINewAction: Encodable {
    var type: String
    var region: String
    var dropletId: Int?
    var sizeGigabytes: Int64?
}
